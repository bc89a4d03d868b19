"""Caddy before the guard, with the files of the deployment: the guard holds through it."""

import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from benchmarks.planted.ui_attacks import LAUNCH, QUERY, STOP_SENSOR, by_get
from benchmarks.safety import guard
from tests.support.caddy import HOST, ProxiedUi, caddy
from tests.support.dagster_ui import served
from tests.support.guarded_ui import LOGGED_IN_BY_PROXY, Ui, guarded_uis

pytestmark = pytest.mark.skipif(
    shutil.which("caddy") is None and "SPOTDESK_NO_SKIP" not in os.environ,
    reason="needs Debian's caddy; CI installs it and skips nothing",
)
FOLDER = "deploy/compose"
SIGNED_IN = "signed_in"
"""Cookie by which the sign-on of this test knows olga."""


@pytest.fixture(scope="module")
def uis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, Ui]]:
    """The guarded UI under the name that Caddy serves; it trusts the address of Caddy."""
    with guarded_uis(tmp_path_factory.mktemp("uis"), (HOST,), "127.0.0.1") as made:
        yield made


@pytest.fixture(scope="module")
def behind(
    uis: Mapping[str, Ui], tmp_path_factory: pytest.TempPathFactory, project_root: Path
) -> Iterator[Mapping[str, ProxiedUi]]:
    """The same UI through Caddy: `open` is the browser of an admin, `login` that of nobody."""
    ui = uis["login"]
    variables = {"SPOTDESK_WEB": f"127.0.0.1:{ui.port}"}
    folder = tmp_path_factory.mktemp("caddy") / "plain"
    with caddy(project_root / FOLDER / "Caddyfile", folder, variables) as (port, trusted):
        yield {
            name: ProxiedUi(port, ui.home, ui.reached, ui.cookies, trusted, logged_in)
            for name, logged_in in (("open", "ada"), ("login", ""))
        }


def test_no_attack_gets_through_caddy_and_people_do(behind: Any) -> None:
    found = guard.measure(behind)
    # It says where it came from, which only a server without a login has to refuse.
    assert found.passed == ["a proxy before an open server"]
    assert found.kept_out == []
    assert found.n_tried > 60


def test_caddy_takes_the_name_of_a_person_out_of_what_comes_from_outside(uis: Any, behind: Any) -> None:
    assert uis["login"].ask(by_get(QUERY), X_Auth_Request_Email=LOGGED_IN_BY_PROXY, Host=HOST) == 200
    assert behind["login"].ask(by_get(QUERY), X_Auth_Request_Email=LOGGED_IN_BY_PROXY) == 401


async def sign_on(scope: Scope, receive: Receive, send: Send) -> None:
    """A service of single sign-on: it names whoever has its cookie, and nobody else."""
    request = Request(scope, receive)
    if request.url.path != "/oauth2/auth":
        answer = Response("sign in", 200)
    elif request.cookies.get(SIGNED_IN):
        answer = Response(status_code=202, headers={"X-Auth-Request-Email": request.cookies[SIGNED_IN]})
    else:
        answer = Response(status_code=401)
    await answer(scope, receive, send)


def test_single_sign_on_names_people_and_roles_hold(uis: Any, tmp_path: Path, project_root: Path) -> None:
    ui = uis["login"]
    with served(sign_on) as sign_on_port:
        variables = {
            "SPOTDESK_WEB": f"127.0.0.1:{ui.port}",
            "SPOTDESK_SIGN_ON": f"127.0.0.1:{sign_on_port}",
        }
        with caddy(project_root / FOLDER / "Caddyfile.oidc", tmp_path / "oidc", variables) as (port, trusted):
            through = ProxiedUi(port, ui.home, ui.reached, {}, trusted)
            olga = {"Cookie": f"{SIGNED_IN}={LOGGED_IN_BY_PROXY}"}
            stranger = {"Cookie": f"{SIGNED_IN}=mallory"}
            assert through.ask("/oauth2/start") == 200
            assert through.ask(by_get(QUERY)) == 401
            assert through.ask(by_get(QUERY), X_Auth_Request_Email=LOGGED_IN_BY_PROXY) == 401
            assert through.ask(by_get(QUERY), **stranger) == 401
            assert through.ask(by_get(QUERY), X_Auth_Request_Email="ada", **stranger) == 401
            assert through.ask(by_get(QUERY), **olga) == 200
            assert through.mutate(STOP_SENSOR, **olga) == 403
            assert through.mutate(STOP_SENSOR, X_Auth_Request_Email="ada", **olga) == 403
            ui.reached.clear()
            through.mutate(LAUNCH, **olga)
            assert ui.reached == ["http /graphql"]
            assert through.mutate(LAUNCH, **{**olga, "Origin": "http://evil.example"}) == 403
