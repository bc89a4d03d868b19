"""Where the desk is.

`--home` or SPOTDESK_HOME names it; else it is the nearest desk upwards of the working folder.

A desk is a folder with the marker `desk.json`. The desk of a checkout is in its `.spotdesk`, so a folder on
the way up also counts if its own `.spotdesk` is a desk.

Nothing here is slow to import or writes anything, because the stop button depends on it.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from resources.settings.process import variable
from spot.errors import ConfigurationError

PROJECT_ROOT = Path(__file__).resolve().parents[2]
TEMPLATES = Path(__file__).resolve().parent / "templates"
MARKER = "desk.json"
INNER = ".spotdesk"
"""Folder of the desk that belongs to a checkout or a project."""
_TRACES = (".trading_state_was_set_up", "trading_state/ready", "mlflow.db", "lake/day_ahead_prices")
"""Files that a desk leaves. If one of these exists without a marker, the desk was made before there were
markers.
"""


class NoDeskError(ConfigurationError):
    """There is no desk where one was looked for."""


class _Chosen:
    """The folder that `--home` names, for the duration of one command."""

    folder: Path | None = None


@contextmanager
def chosen_home(folder: Path | None) -> Iterator[None]:
    """Let `--home` name the desk; None leaves it to SPOTDESK_HOME and the working folder."""
    before, _Chosen.folder = _Chosen.folder, _absolute(folder) if folder is not None else _Chosen.folder
    try:
        yield
    finally:
        _Chosen.folder = before


def home_of_option() -> Path | None:
    """The folder that `--home` names; None without the option."""
    return _Chosen.folder


def state_home() -> Path:
    """Folder of all state, whether there is a desk or not.

    It is the named one, else the nearest desk, else the checkout's own. Commands use `find_desk` or
    `find_desk_to_stop`, which refuse a folder without a desk.
    """
    here = _working_folder()
    return (
        _named() or nearest_desk(here) or (PROJECT_ROOT if here is None or is_in_checkout() else here) / INNER
    )


def is_desk(folder: Path) -> bool:
    """Whether a desk of any format lies in the folder."""
    return os.path.isfile(folder / MARKER)  # noqa: PTH113 - False, and no error, where the folder cannot be read


def is_desk_without_marker(folder: Path) -> bool:
    """Whether a desk lies there that was made before there were markers."""
    return not _exists(folder / MARKER) and any(_exists(folder / name) for name in _TRACES)


def nearest_desk(start: Path | None) -> Path | None:
    """The first desk on the way from `start` to the root; None where there is none."""
    for folder in (start, *start.parents) if start is not None else ():
        for candidate in (folder, folder / INNER):
            if is_desk(candidate):
                return candidate
        if is_desk_without_marker(folder / INNER):
            return folder / INNER
    return None


def find_desk() -> Path:
    """The folder of the desk, whatever its format.

    Raises:
        NoDeskError: there is no desk, or the named folder is none. The message says how to make one.
    """
    named = _named()
    if named is not None:
        _refuse_no_desk(named)
        return named
    found = nearest_desk(_working_folder())
    if found is None:
        demo = PROJECT_ROOT / INNER / "demo"
        hint = f". The demo is a desk of its own: --home {demo}" if is_desk(demo) and is_in_checkout() else ""
        raise NoDeskError(
            f"no desk in {_working_folder() or 'the working folder'} or above it: `spotdesk init DIR` makes"
            f" one, --home or SPOTDESK_HOME names one{hint}"
        )
    return found


def is_in_checkout() -> bool:
    """Whether the working folder lies in the checkout that this code runs from."""
    here = _working_folder()
    return (
        (PROJECT_ROOT / "pyproject.toml").is_file() and here is not None and here.is_relative_to(PROJECT_ROOT)
    )


def command_at(home: Path) -> str:
    """`spotdesk`, with `--home` where it would not find this desk by itself."""
    named = variable("SPOTDESK_HOME")
    found = _absolute(Path(named)) if named else nearest_desk(_working_folder())
    return "spotdesk" if home == found else f"spotdesk --home {home}"


def is_named() -> bool:
    """Whether `--home` or SPOTDESK_HOME names the desk."""
    return _named() is not None


def _named() -> Path | None:
    named = variable("SPOTDESK_HOME")
    return _Chosen.folder or (_absolute(Path(named)) if named else None)


def _working_folder() -> Path | None:
    try:
        return Path.cwd()
    except OSError:  # it was deleted under the process
        return None


def _exists(path: Path) -> bool:
    """Whether it exists; False, and no error, where that cannot be read."""
    return os.path.exists(path)  # noqa: PTH110


def _absolute(path: Path) -> Path:
    return path.expanduser().resolve()


def _refuse_no_desk(folder: Path) -> None:
    by = "--home" if _Chosen.folder is not None else "SPOTDESK_HOME"
    if is_desk(folder) or is_desk_without_marker(folder):
        return
    what = f"it is not a desk: it has no {MARKER}"
    if not _exists(folder):
        what = "the folder does not exist"
    elif not folder.is_dir():
        what = "it is a file"
    raise NoDeskError(f"{by} names {folder}, and {what}. `spotdesk init {folder}` makes a desk there")
