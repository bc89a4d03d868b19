"""Making the folder of a desk from the templates of the package."""

import os
from collections.abc import Mapping
from pathlib import Path

from resources.books.begin import keep_books
from resources.files import write_whole
from resources.home.find import TEMPLATES, is_desk, is_desk_without_marker
from resources.home.marker import Kind, Marker, new_marker
from resources.plugins.sources import secret_lines
from resources.settings.acceptance.first import accept_paper_desk
from resources.settings.environment import read_environment
from resources.trading.state import TradingStateStore
from resources.wall_clock import utc_now
from spot.errors import ConfigurationError

_SECRET = 0o600
"""Mode of a file that only its owner may read."""
_OPEN = 0o666
"""Mode of any other file; the umask of the process takes its part away."""
_NAMES = {"dot_env": ".env", "dot_gitignore": ".gitignore"}
"""Templates that would be hidden files, or have an effect, in the package itself."""


def make_home(
    home: Path, *, kind: Kind = "desk", settings: Mapping[str, str] | None = None, origin: str = ""
) -> Marker:
    """Make a desk in `home`: settings, `.env`, trading state, the marker that makes it one, and its books.

    Existing files stay as they are, so a call that was killed can be repeated.

    Args:
        home: The folder. It is made if it is missing.
        kind: The purpose of the desk. A demo or a study never goes live.
        settings: Text of files below `conf` in place of the templates, by relative path.
        origin: What it was made from.

    Raises:
        ConfigurationError: there is a desk already, or the folder cannot be made.
    """
    if is_desk(home) or is_desk_without_marker(home):
        raise ConfigurationError(f"there is a desk in {home} already")
    try:
        home.mkdir(parents=True, exist_ok=True)
        _write_templates(home, settings or {})
        TradingStateStore(home / "trading_state").set_up()
        accept_paper_desk(home, home / "conf", reason="a new desk")
        marker = new_marker(home, kind=kind, now=utc_now(), origin=origin)
        keep_books(read_environment(home))
    except OSError as error:
        raise ConfigurationError(f"no desk can be made in {home}: {error.strerror or error}") from error
    return marker


def add_missing_settings(conf_folder: Path) -> tuple[Path, ...]:
    """Put the templates that `conf_folder` lacks into it; returns the new files."""
    given = TEMPLATES / "conf"
    missing = [
        path for path in sorted(given.rglob("*.yaml")) if not (conf_folder / path.relative_to(given)).exists()
    ]
    for path in missing:
        _write_new(conf_folder / path.relative_to(given), path.read_bytes(), mode=_OPEN)
    return tuple(conf_folder / path.relative_to(given) for path in missing)


def add_own_files(home: Path) -> tuple[Path, ...]:
    """Put `.env` and `.gitignore` into a home that lacks them; returns the new files."""
    missing = {template: home / name for template, name in _NAMES.items() if not os.path.lexists(home / name)}
    for template, path in missing.items():
        is_secret = path.name == ".env"
        content = (TEMPLATES / template).read_bytes() + (secret_lines().encode() if is_secret else b"")
        _write_new(path, content, mode=_SECRET if is_secret else _OPEN)
    return tuple(missing.values())


def _write_templates(home: Path, settings: Mapping[str, str]) -> None:
    for name, text in settings.items():
        _write_new(home / "conf" / name, text.encode(), mode=_OPEN)
    add_missing_settings(home / "conf")
    add_own_files(home)


def _write_new(path: Path, content: bytes, *, mode: int) -> None:
    if not os.path.lexists(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, content, mode=mode)
