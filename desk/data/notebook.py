"""`spotdesk notebook`: a marimo notebook on the desk."""

import ast
import os
import shutil
import sys
from difflib import get_close_matches
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from desk.screen.console import JsonFlag, emit, err
from resources.home.find import PROJECT_ROOT
from resources.instance.prepare import child_environment
from resources.settings.environment import read_environment
from spot.errors import ConfigurationError

NOTEBOOKS = PROJECT_ROOT / "notebooks"
HOW_TO_INSTALL = (
    "marimo is not installed: `pip install -e '.[notebooks]'` in the checkout of Spotdesk brings it"
)
"""What is said where it is missing; the image of a desk does not have it."""


def notebook(
    name: Annotated[str, typer.Argument(help="Name of a notebook. Without it: list them.")] = "",
    *,
    edit: Annotated[
        bool, typer.Option("--edit", help="Copy it into the working folder, and open the copy to change it.")
    ] = False,
    port: Annotated[int, typer.Option("--port", min=1, max=65535, help="Port.")] = 2718,
    headless: Annotated[bool, typer.Option("--headless", help="Open no browser.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Open a notebook on the desk, on 127.0.0.1, or list the notebooks. Stop with Ctrl-C.

    The notebook reads the desk through `import spotdesk`, which writes nothing. The address has a token, so
    that no other page can use it. docs/howto/notebook.md says how to use Jupyter instead.

    Exit code 2: there is no such notebook, or marimo is not installed.
    """
    if not name:
        emit(listed(), as_json=as_json, title="notebooks", empty="none: they lie in the checkout of Spotdesk")
        return
    path = found(name)
    if find_spec("marimo") is None:
        raise ConfigurationError(HOW_TO_INSTALL)
    if edit:
        path = _copy(path, Path.cwd())
    words = [sys.executable, "-m", "marimo", "edit" if edit else "run", str(path)]
    words += ["--host", "127.0.0.1", "--port", str(port), "--token", *(["--headless"] if headless else [])]
    environment = {
        **child_environment(read_environment()),
        "MARIMO_SKIP_UPDATE_CHECK": "1",  # it asks no server
    }
    # This process becomes the server, so that a signal to it ends that.
    os.execve(sys.executable, words, environment)  # noqa: S606 - no shell, a fixed program


def listed() -> list[dict[str, str]]:
    """Name of each notebook, and what it shows."""
    return [
        {"notebook": path.stem, "what": (ast.get_docstring(_tree(path)) or "").splitlines()[0]}
        for path in sorted(NOTEBOOKS.glob("*.py"))
    ]


def found(name: str) -> Path:
    """File of a notebook.

    Raises:
        ConfigurationError: there is no such notebook; the message names the nearest.
    """
    names = [one["notebook"] for one in listed()]
    if name in names:
        return NOTEBOOKS / f"{name}.py"
    near = get_close_matches(name, names, n=1)
    hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(names) or 'none'}"
    raise ConfigurationError(f"no notebook {name[:80]!r}: {hint}")


def _copy(path: Path, folder: Path) -> Path:
    """A copy in the folder, or the one that is there already."""
    copy = folder / path.name
    if copy == path or copy.exists():
        err.print(f"opening {copy}, which is there already", soft_wrap=True)
        return copy
    try:
        return Path(shutil.copyfile(path, copy))
    except OSError as error:
        raise ConfigurationError(f"{copy} cannot be written: {error}") from error


def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))
