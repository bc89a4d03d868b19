"""Commands of the pages for operators: `spotdesk` takes them as they stand, targets and scripts exist."""

import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer
from typer.main import get_command

from desk.main import app

FOLDER = Path("docs/operations")
_FENCE = re.compile(r"^```\w*\n(.*?)^```", re.MULTILINE | re.DOTALL)
_INLINE = re.compile(r"`((?:spotdesk |make |podman (?:exec|run) )[^`]+|deploy/[^` ]+\.sh[^`]*)`")
_WHOLE_DESK = re.compile(r"^(?:podman|docker) (?:exec|run) .*?\b(spotdesk [a-z].*)$")
_FILLED = {"...": "2025-06-01", "D": "2025-06-01", "ROLE": "viewer"}
_OTHERS = frozenset(
    {
        *(
            "podman",
            "flock",
            "docker",
            "pip",
            "python",
            "python3",
            "useradd",
            "cp",
            "ls",
            "cd",
            "tar",
            "source",
            "curl",
        ),
        *(
            "systemctl",
            "journalctl",
            "aws",
            "cdk",
            "npm",
            "celery",
            "redis-cli",
            "ssh",
            "scp",
            "rsync",
            "psql",
        ),
    }
)
"""Programs of others, whose arguments nobody here can judge."""


def commands_of(text: str) -> Iterator[str]:
    """Every command of a page, without comments; a line that ends in `\\` goes on."""
    for block in _FENCE.findall(text):
        yield from (line.strip() for line in block.replace("\\\n", " ").splitlines() if line.strip())
    yield from _INLINE.findall(_FENCE.sub("", text))


def words_of(command: str) -> list[str]:
    """Words without comment, output and variables before the program."""
    words = shlex.split(command, comments=True)
    if words[:1] == ["export"]:
        return []
    while words and re.fullmatch(r"[A-Z_]+=.*", words[0]):
        words = words[1:]
    if words[:2] == ["sudo", "-u"]:
        words = words[3:]
    for sign in ("|", ">", "<", "&&", "&"):
        words = words[: words.index(sign)] if sign in words else words
    return words


def problem_of(command: str, root: Path) -> str:
    """What is wrong with a command; empty where nothing is."""
    if found := _WHOLE_DESK.match(command):
        command = found[1]
    words = words_of(command)
    if not words:
        return ""
    program = words[0]
    if program == "spotdesk":
        return _of_spotdesk([_FILLED.get(word, word) for word in words[1:]])
    if program == "make":
        targets = (root / "Makefile").read_text(encoding="utf-8")
        named = [word for word in words[1:] if "=" not in word]
        return "".join(f"no target {name}; " for name in named if f"\n{name}:" not in targets)
    if program == "install":
        return "".join(
            f"no file {word}; " for word in words if "deploy/" in word and not (root / word).is_file()
        )
    if program.startswith("deploy/"):
        script = root / program
        return "" if script.is_file() and script.stat().st_mode & 0o100 else f"no script {program}"
    is_known = program in _OTHERS or program.startswith(("/", "$", ".venv/"))
    return "" if is_known else f"{program} is no program that this test knows"


def _of_spotdesk(words: list[str]) -> str:
    root = get_command(app)
    try:
        context = root.make_context("spotdesk", list(words)) if words else typer.Context(root)
        rest = [*context._protected_args, *context.args]
        command = root
        while rest and hasattr(command, "get_command"):
            found = command.get_command(context, rest[0])
            if found is None:
                return f"no command {rest[0]}"
            with found.make_context(rest[0], rest[1:], parent=context) as inner:
                rest = [*inner._protected_args, *inner.args]
            command, context = found, inner
    except Exception as error:  # noqa: BLE001 - whatever it says, the page is wrong
        if type(error).__name__ == "MissingParameter" and len(words) < 3:
            return ""  # a command that is only named
        return f"{type(error).__name__}: {getattr(error, 'message', error)}"
    return ""


def pages(root: Path) -> list[Path]:
    return sorted((root / FOLDER).glob("*.md"))


def test_every_command_of_the_pages_for_operators_can_be_typed(project_root: Path) -> None:
    found = [
        f"{page.name}: {command}: {problem}"
        for page in pages(project_root)
        for command in commands_of(page.read_text(encoding="utf-8"))
        if (problem := problem_of(command, project_root))
    ]
    assert not found, "\n".join(found)
    assert len(pages(project_root)) > 8


@pytest.mark.parametrize(
    "command",
    [
        "spotdesk nothing",
        "spotdesk halt --colour red",
        "podman exec spotdesk_code_1 spotdesk users nothing",
        "make nothing",
        "deploy/compose/nothing.sh",
        "SPOTDESK_IMAGE=x nothing --now",
    ],
)
def test_a_wrong_command_is_found(command: str, project_root: Path) -> None:
    assert problem_of(command, project_root)


def test_every_script_of_the_deployment_is_whole(project_root: Path) -> None:
    scripts = sorted((project_root / "deploy").rglob("*.sh"))
    assert len(scripts) > 12
    for script in scripts:
        done = subprocess.run(["bash", "-n", str(script)], capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{script}: {done.stderr}"


def test_every_page_is_in_the_list(project_root: Path) -> None:
    index = (project_root / FOLDER / "README.md").read_text(encoding="utf-8")
    for page in pages(project_root):
        assert page.name == "README.md" or f"({page.name})" in index, page.name
