"""A signature is a user of the desk who gives a password; a second one is another user.

A typed name is a claim, and one person can type two. Two passwords are at least two logins.
"""

from pathlib import Path

from desk.setup.users import read_password
from resources.identity.roles import Identity, may
from resources.identity.users import UserStore
from spot.errors import ConfigurationError


def two_signatures(
    home: Path, by: str, signed_off_by: str | None, *, files: tuple[Path | None, Path | None]
) -> None:
    """Ask both people for their passwords.

    Args:
        home: Folder of the desk.
        by: User who decides.
        signed_off_by: User who signs; another one.
        files: Where each password is read from; the terminal where it is None.

    Raises:
        ConfigurationError: one is no user, may not, gives a wrong password, or they are the same.
    """
    first, second = by.strip(), (signed_off_by or "").strip()
    if not second or first.casefold() == second.casefold():
        raise ConfigurationError(
            "the sign-off of a second person is asked for: --signed-off-by with another user than --by"
        )
    authenticated(home, first, "promote", files[0])
    authenticated(home, second, "sign_off", files[1])


def authenticated(home: Path, name: str, action: str, file: Path | None) -> Identity:
    """The user `name`, who gave the password and may do the action.

    Args:
        home: Folder of the desk.
        name: User of the desk.
        action: As `resources/identity/roles.py` names it.
        file: Where the password is read from; the terminal where it is None.

    Raises:
        ConfigurationError: it is no user, may not, or gives a wrong password.
    """
    _refuse_without_password(home, name)
    return check_signature(home, name, action, read_password(f"Password of {name}", file))


def check_signature(home: Path, name: str, action: str, password: str) -> Identity:
    """The user `name`, whose password it is and who may do the action.

    Raises:
        ConfigurationError: it is no user, may not, or the password is wrong.
    """
    _refuse_without_password(home, name)
    who = UserStore(home).check(name, password)
    if who is None:
        raise ConfigurationError(f"the password of {name} is wrong: nothing is signed")
    if not may(who, action):
        raise ConfigurationError(f"{name} is {who.role}, who may not {action}: nothing is signed")
    return who


def _refuse_without_password(home: Path, name: str) -> None:
    user = UserStore(home).users().get(name)
    if user is None or not user.digest:
        raise ConfigurationError(
            f"{name!r} is no user of the desk with a password, and a signature needs one: `spotdesk users add"
            f" {name} --role trader`"
        )
