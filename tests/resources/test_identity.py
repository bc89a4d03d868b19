"""Users of a desk: hashes, roles, sessions, and files that cannot be read."""

import stat
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from desk.main import app
from resources.home.make import make_home
from resources.identity.person import recorded_name, system_user
from resources.identity.proxy import TrustedProxies
from resources.identity.roles import Identity, Role, may
from resources.identity.sessions import Sessions
from resources.identity.users import UserStore
from spot.errors import ConfigurationError

PASSWORD = "a long enough password"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    make_home(tmp_path / "desk")
    return tmp_path / "desk"


def run(home: Path, *words: str) -> Any:
    return CliRunner().invoke(app, ["--home", str(home), "users", *words])


def test_users_are_added_listed_and_removed_and_no_password_is_an_argument(
    home: Path, tmp_path: Path
) -> None:
    (tmp_path / "password").write_text(f"{PASSWORD}\n")
    added = run(home, "add", "ada", "--role", "admin", "--password-file", str(tmp_path / "password"))
    assert added.exit_code == 0, added.output
    assert UserStore(home).check("ada", PASSWORD) == Identity("ada", Role.ADMIN, "password")
    assert run(home, "add", "olga", "--role", "trader", "--by-proxy").exit_code == 0
    assert "ada" in run(home, "list").output
    assert run(home, "remove", "ada").exit_code == 0
    assert UserStore(home).check("ada", PASSWORD) is None
    assert isinstance(run(home, "remove", "ada").exception, ConfigurationError)
    asked = run(home, "add", "bob", "--role", "viewer")
    assert "no terminal to ask on" in str(asked.exception)
    assert PASSWORD not in "".join(path.read_text() for path in (home / "identity").glob("*.json"))


def test_a_password_is_salted_and_its_file_is_the_owners(home: Path) -> None:
    store = UserStore(home)
    first, second = (store.add(name, Role.VIEWER, PASSWORD) for name in ("ann", "bob"))
    assert first.digest != second.digest
    assert stat.S_IMODE(store.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(store.path.parent.stat().st_mode) == 0o700
    assert store.check("ann", PASSWORD + "x") is None
    assert store.check("nobody", PASSWORD) is None
    for name, password in (("", PASSWORD), ("a b", PASSWORD), ("x" * 65, PASSWORD), ("ann", "short")):
        with pytest.raises(ConfigurationError):
            store.add(name, Role.VIEWER, password)


@pytest.mark.parametrize("content", ["", "{", "[1]", '[{"name": "x"}]', "null", "[" * 100_000])
def test_a_file_of_users_that_cannot_be_read_lets_nobody_in(home: Path, content: str) -> None:
    store = UserStore(home)
    store.add("ann", Role.ADMIN, PASSWORD)
    cookie = Sessions(home).begin(Identity("ann", Role.ADMIN, "password"))
    assert Sessions(home).read(cookie) == Identity("ann", Role.ADMIN, "password")
    store.path.write_text(content)
    assert Sessions(home).read(cookie) is None
    with pytest.raises(ConfigurationError, match="cannot be read"):
        store.check("ann", PASSWORD)


def test_roles_are_an_order_and_what_is_not_listed_needs_an_admin() -> None:
    viewer, trader, admin = (Identity("x", role, "password") for role in Role)
    assert [may(who, "look") for who in (None, viewer, trader, admin)] == [False, True, True, True]
    assert [may(who, "halt") for who in (None, viewer, trader, admin)] == [False, False, True, True]
    assert [may(who, "anything new") for who in (None, viewer, trader, admin)] == [False, False, False, True]


@pytest.mark.parametrize("text", ["0.0.0.0/0", "::/0", "desk.example", "10.0.0.0/33"])
def test_a_proxy_is_an_address_and_never_everybody(text: str) -> None:
    with pytest.raises(ConfigurationError):
        TrustedProxies.parse(text)


def test_a_typed_name_stands_beside_the_user_of_the_operating_system(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOGNAME", "somebody-else")
    monkeypatch.setenv("USER", "somebody-else")
    user = system_user()
    assert user != "somebody-else"
    assert recorded_name("Ann") == f"Ann (system user {user})"
    assert recorded_name() == recorded_name(user) == user
