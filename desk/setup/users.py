"""`spotdesk users`: who may log in to the UI, and as what."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from desk.screen.console import JsonFlag, emit, out
from resources.home.find import find_desk
from resources.identity.roles import Role
from resources.identity.users import UserStore
from spot.errors import ConfigurationError

app = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False, add_completion=False)

_Name = Annotated[str, typer.Argument(help="The name that records show.")]
_MAX_BYTES = 1_000
"""Bytes of a password file that are read. Chosen by hand: no password is longer, and a wrong file is not read
whole.
"""


@app.command()
def add(
    name: _Name,
    *,
    role: Annotated[
        Role,
        typer.Option(help="viewer: read only. trader: also halt, resume, retrain, sign. admin: everything."),
    ],
    password_file: Annotated[
        Path | None, typer.Option(help="File with the password; without it the terminal asks.")
    ] = None,
    by_proxy: Annotated[
        bool, typer.Option("--by-proxy", help="No password: only a trusted proxy names this user.")
    ] = False,
) -> None:
    """Add a user, or give one another role and password; sessions of the old one end.

    Exit code 2: the options or the password are not allowed, and nothing was changed.
    """
    if by_proxy and password_file is not None:
        raise ConfigurationError("--by-proxy has no password: leave out --password-file")
    password = None if by_proxy else read_password(f"Password of {name}", password_file, confirm=True)
    user = UserStore(find_desk()).add(name, role, password)
    out.print(f"{user.name} is {user.role}" + (", named by a trusted proxy" if by_proxy else ""))


@app.command()
def remove(name: _Name) -> None:
    """Remove a user; sessions end at once."""
    UserStore(find_desk()).remove(name)
    out.print(f"{name} is no user any more")


@app.command("list")
def list_(*, as_json: JsonFlag = False) -> None:
    """Users and their roles."""
    users = UserStore(find_desk()).users().values()
    rows = [
        {"name": user.name, "role": str(user.role), "logs_in_by": "password" if user.digest else "proxy"}
        for user in users
    ]
    emit(rows, as_json=as_json)


def read_password(what: str, file: Path | None, *, confirm: bool = False) -> str:
    """A password from a file or the terminal; never from an argument, which every process can read.

    Raises:
        ConfigurationError: the file cannot be read, or there is no terminal to ask on.
    """
    if file is not None:
        try:
            return file.read_bytes()[:_MAX_BYTES].decode().rstrip("\r\n")
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigurationError(f"the password cannot be read from {file}: {error}") from error
    if not sys.stdin.isatty():
        raise ConfigurationError(f"{what}: no terminal to ask on; name a file that holds it")
    return str(typer.prompt(what, hide_input=True, confirmation_prompt=confirm))
