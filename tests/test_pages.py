"""Pages that read well: short files, folders, lines and sentences, and the facts beside the code.

A file or folder may be longer for a reason in a list here. Docstrings name what is raised, and the shapes and
units of arrays. A number that somebody chose says why. Links of Markdown pages lead somewhere.
"""

import ast
import re
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.markdown import dead_links, sentences, wide_lines

MAX_LINES = 300
MAX_FILES = 16
"""About fifteen, and `__init__.py`."""
LONG_FILES = {
    "benchmarks/lifecycle/promotion.py": "one study from its worlds to its verdict",
    "benchmarks/planted/provider_mutations.py": "one mutation after another",
    "benchmarks/planted/us_mutations.py": "one mutation after another",
    "desk/validation/child.py": "one script, so that any release can run it",
    "desk/setup/init.py": "one conversation, from the question to the file",
    "desk/trading/run.py": "the command with the most options, and what each refuses",
    "desk/trading/signals.py": "one page: the table, the reasons, the bars",
    "resources/lake/delta_table.py": "one table's commits, reads and schema",
    "resources/lake/lake.py": "the one door to all tables, with its contract in docstrings",
    "resources/market/live_market.py": "one fetch from request to judged rows",
    "resources/providers/http.py": "one client with its bounds",
    "spot/forecast/engine/forecaster.py": "one forecaster",
    "spot/forecast/gp/bank.py": "one bank: fit, forecast, absorb, explain",
    "spot/forecast/hourly_forecaster.py": "the interface that all members share, and its walk",
    "trading_assets/frame/declared.py": "one declaration of an asset and what follows from it",
}
"""Source files above `MAX_LINES`, and why each is one page all the same."""
FULL_FOLDERS = {
    "spot/contracts": "one schema a file, all of one kind",
}
"""Folders above `MAX_FILES`, and why they need no rooms."""
MAX_COLUMNS = 110
MAX_WORDS = 40
"""The aim is 30. The ten above it are room for a list within a sentence."""
RECORDS = {"CHANGELOG.md": "entries of a release stay as they were released"}
"""Markdown pages whose lines and sentences are not judged."""

PACKAGES = ("spot", "resources", "workflows", "trading_assets", "sensors", "spotdesk", "desk", "benchmarks")
_LENGTH = r"\w+(?: ?[*+/-] ?\w+)*"
SHAPE = re.compile(rf"\({_LENGTH},(?:\s{_LENGTH}(?:,\s{_LENGTH})*)?\)")
"""Lengths in parentheses, such as `(days,)` or `(2, days, 4 * hours)`."""
UNIT = re.compile(
    r"\b(EUR|MWh?|hours?|minutes?|seconds|UTC|shares?|(without|any) unit|deviations?|between 0 and 1)\b"
    r"|[Pp]robabilit|[Ww]eights?\b|[Ww]hether|[Pp]ositions?\b|[Nn]umbers? of"
)
"""What the numbers of an array are, in the docstring of the function, of its class or of its module."""
ARRAY = re.compile(r"\b(NDArray|ndarray|Array|Floats|Singles|Ints|Bools|Days)\b")
Function = ast.FunctionDef | ast.AsyncFunctionDef
TUNED = ("spot", "resources", "workflows", "trading_assets", "sensors", "spotdesk", "desk")
"""Packages in which every constant and every default of a setting says why it has its value."""


@pytest.fixture(scope="module")
def source_files(project_root: Path) -> list[Path]:
    words = ["git", "ls-files", "-z", "--", "*.py", ":!tests"]
    listed = subprocess.run(words, cwd=project_root, capture_output=True, text=True, check=True).stdout
    return [project_root / name for name in listed.split("\0") if name and (project_root / name).is_file()]


def test_a_long_file_has_its_reason(source_files: list[Path], project_root: Path) -> None:
    lengths = {
        file.relative_to(project_root).as_posix(): len(file.read_text(encoding="utf-8").splitlines())
        for file in source_files
    }
    long = {name: n for name, n in lengths.items() if n > MAX_LINES}
    assert not set(long) - set(LONG_FILES), "split the file, or say in LONG_FILES why it is one page"
    assert all((project_root / name).is_file() for name in LONG_FILES if name in lengths)


def test_a_folder_holds_about_fifteen_files(source_files: list[Path], project_root: Path) -> None:
    counts = Counter(file.parent.relative_to(project_root).as_posix() for file in source_files)
    crowded = {name: n for name, n in counts.items() if n > MAX_FILES}
    assert crowded.keys() <= set(FULL_FOLDERS), f"give these folders rooms: {crowded}"


def _public_functions(tree: ast.Module) -> Iterator[tuple[str, Function]]:
    """Functions of a module and methods of its classes that a caller may use."""
    for node in tree.body:
        if isinstance(node, Function) and not node.name.startswith("_"):
            yield node.name, node
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            for member in node.body:
                if isinstance(member, Function) and not member.name.startswith("_"):
                    yield f"{node.name}.{member.name}", member


def _own_nodes(function: Function) -> Iterator[ast.AST]:
    """Nodes of the body, without functions and classes defined in it."""
    waiting: list[ast.AST] = list(function.body)
    while waiting:
        node = waiting.pop()
        yield node
        if not isinstance(node, Function | ast.ClassDef | ast.Lambda):
            waiting.extend(ast.iter_child_nodes(node))


def _raised(function: Function) -> set[str]:
    """Names of the exception classes that the body raises, but `typer.Exit(n)` is `Exit code n`."""
    names = set()
    for node in _own_nodes(function):
        if isinstance(node, ast.Raise) and node.exc is not None:
            call = node.exc if isinstance(node.exc, ast.Call) else None
            name = ast.unparse(call.func if call else node.exc).rpartition(".")[2]
            if name == "Exit" and call:
                names.add(f"Exit code {ast.unparse(call.args[0])}")
            elif name[:1].isupper():
                names.add(name)
    return names


def _is_named(name: str, text: str, file: str) -> bool:
    """Whether a docstring names an exception. That of a command is its help, and gives the exit code."""
    return name in text or (file.startswith("desk/") and name.endswith("Error") and "Exit code 2" in text)


def _source_files(project_root: Path) -> list[str]:
    words = ["git", "ls-files", "-z", "--", *(f"{package}/*.py" for package in PACKAGES)]
    listed = subprocess.run(words, cwd=project_root, capture_output=True, text=True, check=True).stdout
    return [file for file in listed.split("\0") if file and (project_root / file).is_file()]


@pytest.fixture(scope="module")
def functions(project_root: Path) -> list[tuple[str, Function]]:
    """`(file:line name, function)` of every public function of the source."""
    found = []
    for file in _source_files(project_root):
        tree = ast.parse((project_root / file).read_text(encoding="utf-8"))
        found += [(f"{file}:{node.lineno} {name}", node) for name, node in _public_functions(tree)]
    return found


def test_what_a_public_function_raises_stands_in_its_docstring(
    functions: list[tuple[str, Function]],
) -> None:
    silent = [
        f"{where}: {name}"
        for where, node in functions
        for name in sorted(_raised(node))
        if not _is_named(name, ast.get_docstring(node) or "", where)
    ]
    assert not silent, "name these exceptions under Raises:\n" + "\n".join(silent)


def _arrays_of(file: Path) -> Iterator[tuple[int, str, str]]:
    """Line and docstring of each public function of arrays, and that docstring with those around it."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    of_classes = {
        node.name: ast.get_docstring(node) or "" for node in tree.body if isinstance(node, ast.ClassDef)
    }
    for name, node in _public_functions(tree):
        parts = (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)
        types = (*(part.annotation for part in parts), node.returns)
        if ARRAY.search(" ".join(ast.unparse(one) for one in types if one)):
            own = ast.get_docstring(node) or ""
            around = of_classes.get(name.partition(".")[0], ""), ast.get_docstring(tree) or ""
            yield node.lineno, own, " ".join((own, *around))


def test_a_function_of_arrays_gives_their_shapes_and_units(project_root: Path) -> None:
    silent = []
    for file in (one for one in _source_files(project_root) if one.startswith("spot/")):
        for line, own, with_around in _arrays_of(project_root / file):
            silent += [f"{file}:{line}: shape"] if not SHAPE.search(own) else []
            silent += [f"{file}:{line}: unit"] if not UNIT.search(with_around) else []
    assert not silent, "give shapes of arrays, such as `(days, 24)`, and units:\n" + "\n".join(silent)


def _is_number(node: ast.expr | None) -> bool:
    """Whether somebody wrote a number, a span or a time of day, also as the default of a pydantic `Field`."""
    match node:
        case ast.Constant(value=value):
            return isinstance(value, int | float) and not isinstance(value, bool)
        case ast.Call(func=ast.Name(id="timedelta" | "time"), args=given, keywords=named):
            return any(map(_is_number, (*given, *(one.value for one in named))))
        case ast.Call(func=ast.Name(id="Field"), keywords=named):
            parts = [one.value for one in named if one.arg == "default"]
        case ast.Tuple(elts=parts):
            pass
        case ast.UnaryOp(operand=part):
            parts = [part]
        case ast.BinOp(left=left, right=right):
            parts = [left, right]
        case _:
            return False
    return bool(parts) and all(map(_is_number, parts))


def _is_neutral(node: ast.expr) -> bool:
    """Nothing, or one: such a default of a setting is no choice."""
    if isinstance(node, ast.Call):
        node = next((one.value for one in node.keywords if one.arg == "default"), node)
    return isinstance(node, ast.Constant) and node.value in (0, 1)


def _without_text(body: list[ast.stmt]) -> Iterator[ast.Assign | ast.AnnAssign]:
    """Numbers without a text below. One text may follow several of them."""
    waiting: list[ast.Assign | ast.AnnAssign] = []
    for node in body:
        if isinstance(node, ast.Assign | ast.AnnAssign) and _is_number(node.value):
            waiting.append(node)
            continue
        if not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)):
            yield from waiting
        waiting = []
    yield from waiting


def _unexplained(tree: ast.Module) -> Iterator[int]:
    """Lines of constants and defaults that no text explains. That of a class may explain its defaults."""
    yield from (node.lineno for node in _without_text(tree.body))
    for owner in (node for node in ast.walk(tree) if isinstance(node, ast.ClassDef)):
        text = ast.get_docstring(owner) or ""
        if "chosen by hand" not in text.lower():
            missing = (one for one in _without_text(owner.body) if one.value and not _is_neutral(one.value))
            yield from (one.lineno for one in missing)


def test_a_number_that_somebody_chose_says_why(project_root: Path) -> None:
    silent = [
        f"{file}:{line}"
        for file in _source_files(project_root)
        if file.startswith(TUNED)
        for line in _unexplained(ast.parse((project_root / file).read_text(encoding="utf-8")))
    ]
    assert not silent, "say below each number why it has its value, and who measured it:\n" + "\n".join(
        silent
    )


def test_a_number_without_a_reason_is_found() -> None:
    told = "class Told:\n    'Chosen by hand: few.'\n    days: int = 7\n"
    silent = (
        "class Bare:\n    days: int = Field(default=7, ge=1)\n    first: int = 0\n_SPAN = timedelta(days=2)\n"
    )
    assert list(_unexplained(ast.parse(told + "A, B = 2, -3\n'Chosen by hand.'\n"))) == []
    assert list(_unexplained(ast.parse(silent))) == [4, 2]


@pytest.fixture(scope="module")
def pages(project_root: Path) -> dict[str, Path]:
    words = ["git", "ls-files", "-z", "--", "*.md"]
    listed = subprocess.run(words, cwd=project_root, capture_output=True, text=True, check=True).stdout
    names = [name for name in listed.split("\0") if (project_root / name).is_file()]
    return {name: project_root / name for name in names}


def test_no_line_of_a_page_is_too_wide(pages: dict[str, Path]) -> None:
    wide = [
        f"{name}:{number}: {width} columns"
        for name, page in pages.items()
        if name not in RECORDS
        for number, width in wide_lines(page.read_text(encoding="utf-8"), MAX_COLUMNS)
    ]
    assert not wide, f"wrap these lines at {MAX_COLUMNS} columns: {wide}"


def test_no_sentence_of_a_page_is_too_long(pages: dict[str, Path]) -> None:
    long = [
        f"{name}: {sentence}"
        for name, page in pages.items()
        if name not in RECORDS
        for sentence in sentences(page.read_text(encoding="utf-8"))
        if len(sentence.split()) > MAX_WORDS
    ]
    assert not long, f"split these sentences, or make a list of them: {long}"


def test_every_link_of_a_page_leads_somewhere(pages: dict[str, Path]) -> None:
    dead = [f"{name}: {link}" for name, page in pages.items() for link in dead_links(page)]
    assert not dead, f"these links lead nowhere: {dead}"


def test_wide_lines_long_sentences_and_dead_links_are_found(tmp_path: Path) -> None:
    long = "word " * 30
    text = (
        f"# A page\n\n- First {long}\n  more {long}and so on. Then `a b c` ends it.\n\n```\n{long * 9}\n```\n"
    )
    page = tmp_path / "page.md"
    page.write_text(text + "| [one](page.md#a-page) | [two](#no-heading) | [three](lost.md) |\n")
    assert [len(one.split()) for one in sentences(text)] == [2, 65, 4]
    assert [number for number, _ in wide_lines(text, MAX_COLUMNS)] == [3, 4, 7]
    assert list(dead_links(page)) == ["#no-heading", "lost.md"]
