"""Attacks on the UI: each is one request that a web page, a stranger or a user of the desk can send.

An attack passes when the app behind the guard is reached, whatever it then answers.
"""

import time
import urllib.parse
from collections.abc import Callable, Iterator
from pathlib import Path
from unittest import mock

from itsdangerous import URLSafeTimedSerializer

from desk.guard.settings import guard_settings
from resources.identity.roles import Identity, Role
from resources.identity.sessions import MAX_AGE_SECONDS, Sessions
from resources.identity.users import UserStore
from resources.settings.environment import read_environment
from spot.errors import ConfigurationError
from tests.support.guarded_ui import LOGGED_IN_BY_PROXY, PASSWORD, Ui

STOP_SENSOR = 'mutation { stopSensor(id: "signals_are_unsent") { __typename } }'
LAUNCH = "mutation { launchRun(executionParams: {}) { __typename } }"
QUERY = "query { version }"
SUBSCRIBE = "subscription { locationStateChangeEvents { __typename } }"
EVIL = "http://evil.example"
Attack = Callable[[Ui], object]


def by_get(query: str, **more: str) -> str:
    return "/graphql?" + urllib.parse.urlencode({"query": query, **more})


def _sockets() -> dict[str, Attack]:
    return {
        "websocket of a foreign page": lambda ui: ui.subscribe(SUBSCRIBE, origin=EVIL),
        "websocket of a page without origin": lambda ui: ui.subscribe(SUBSCRIBE, origin="null"),
        "websocket under a foreign name": lambda ui: ui.subscribe(
            SUBSCRIBE, host="evil.example", origin=EVIL
        ),
    }


def of_a_web_page() -> dict[str, Attack]:
    """What any web page makes a browser on this machine send."""
    js, own = "application/json", {"Content_Type": "application/json"}
    body = {"query": STOP_SENSOR}
    two = f"query A {{ version }} {STOP_SENSOR.replace('mutation', 'mutation B')}"
    return {
        "foreign host": lambda ui: ui.ask("/", Host="evil.example"),
        "foreign host, GET query": lambda ui: ui.ask(by_get(QUERY), Host=f"evil.example:{ui.port}"),
        "foreign host and origin, JSON": lambda ui: ui.mutate(STOP_SENSOR, Host="evil.example", Origin=EVIL),
        "host that begins well": lambda ui: ui.ask("/", Host="127.0.0.1.evil.example"),
        "foreign origin, GET query": lambda ui: ui.ask(by_get(QUERY), Origin=EVIL),
        "foreign origin, JSON": lambda ui: ui.mutate(STOP_SENSOR, Origin=EVIL),
        "origin null": lambda ui: ui.mutate(STOP_SENSOR, Origin="null"),
        "origin of another port": lambda ui: ui.mutate(STOP_SENSOR, Origin="http://127.0.0.1:8888"),
        "origin with the host as user": lambda ui: ui.mutate(
            STOP_SENSOR, Origin=f"http://127.0.0.1:{ui.port}@evil.example"
        ),
        "cross-site without origin": lambda ui: ui.ask(
            method="POST", body=body, Sec_Fetch_Site="cross-site", **own
        ),
        "shown in a frame": lambda ui: ui.ask(
            "/", Sec_Fetch_Site="cross-site", Sec_Fetch_Mode="navigate", Sec_Fetch_Dest="iframe"
        ),
        "GET mutation": lambda ui: ui.ask(by_get(STOP_SENSOR)),
        "GET mutation as a link": lambda ui: ui.ask(
            by_get(STOP_SENSOR), Sec_Fetch_Site="cross-site", Sec_Fetch_Mode="navigate"
        ),
        "GET mutation behind a query": lambda ui: ui.ask(by_get(two, operationName="B")),
        "GET with two documents": lambda ui: ui.ask(
            by_get(QUERY) + "&" + by_get(STOP_SENSOR).partition("?")[2]
        ),
        "HEAD mutation": lambda ui: ui.ask(by_get(STOP_SENSOR), method="HEAD"),
        "GET subscription": lambda ui: ui.ask(by_get(SUBSCRIBE)),
        "path with a line break": lambda ui: ui.ask(by_get(STOP_SENSOR).replace("?", "%0A?")),
        "PUT": lambda ui: ui.ask(method="PUT", body=body, **own),
        "OPTIONS before another page's request": lambda ui: ui.ask(method="OPTIONS", Origin=EVIL),
        "body as GraphQL": lambda ui: ui.ask(
            method="POST", body=STOP_SENSOR, Content_Type="application/graphql"
        ),
        "body as text": lambda ui: ui.ask(method="POST", body=body, Content_Type="text/plain"),
        "text that names JSON": lambda ui: ui.ask(method="POST", body=body, Content_Type=f"text/plain; {js}"),
        "form": lambda ui: ui.ask(
            by_get(STOP_SENSOR), method="POST", body="", Content_Type="application/x-www-form-urlencoded"
        ),
        "POST without a type": lambda ui: ui.ask(by_get(STOP_SENSOR), method="POST", body=""),
        "asset reported as made": lambda ui: ui.ask(
            "/report_asset_materialization/signals", method="POST", body=""
        ),
        "batch": lambda ui: ui.ask(method="POST", body=[body], **own),
        "nested too deep": lambda ui: ui.ask(method="POST", body='{"query":' + "[" * 100_000, **own),
        "GraphQL too deep": lambda ui: ui.ask(method="POST", body={"query": "{a" * 6_000}, **own),
        "body too large": lambda ui: ui.ask(method="POST", body=b'{"query":"' + b"x" * 5_000_000, **own),
        "a proxy before an open server": lambda ui: ui.ask("/", X_Forwarded_For="203.0.113.9"),
        "mutation on a websocket": lambda ui: ui.subscribe(STOP_SENSOR),
        "mutation behind a subscription": lambda ui: ui.subscribe(f"{SUBSCRIBE} {STOP_SENSOR}"),
        **_sockets(),
    }


def of_a_stranger() -> dict[str, Attack]:
    """Without a login, or with one that is forged, old or taken back."""
    named = {"X_Auth_Request_Email": LOGGED_IN_BY_PROXY}
    return {
        "no login, page": lambda ui: ui.ask("/"),
        "no login, query": lambda ui: ui.ask(by_get(QUERY)),
        "no login, logs": lambda ui: ui.ask("/logs/a/b.err"),
        "no login, mutation": lambda ui: ui.mutate(STOP_SENSOR),
        "no login, websocket": lambda ui: ui.subscribe(SUBSCRIBE),
        "made-up cookie": lambda ui: ui.mutate(STOP_SENSOR, who="ada.admin.1"),
        "cookie signed by another key": lambda ui: ui.mutate(STOP_SENSOR, who=_foreign_cookie(ui)),
        "cookie of another stamp": lambda ui: ui.mutate(STOP_SENSOR, who=_cookie_of_old_stamp(ui)),
        "cookie of yesterday": lambda ui: ui.mutate(STOP_SENSOR, who=_old_cookie(ui)),
        "cookie of a user who was removed": lambda ui: ui.mutate(STOP_SENSOR, who=_removed(ui)),
        "header of a proxy from elsewhere": lambda ui: ui.ask("/", **named),
        "wrong password": lambda ui: _log_in(ui, "ada", "wrong", ui.origin),
        "user without password": lambda ui: _log_in(ui, LOGGED_IN_BY_PROXY, "", ui.origin),
        "login sent by another page": lambda ui: _log_in(ui, "ada", PASSWORD, EVIL),
        "many passwords": _guess,
    }


def of_a_user() -> dict[str, Attack]:
    """Beyond the role of somebody who is logged in."""
    fragment = 'fragment F on Mutation { stopSensor(id: "x") { __typename } } mutation { ...F }'
    inline = 'mutation { ... on Mutation { a: stopSensor(id: "x") { __typename } } }'
    hidden = f"{LAUNCH} {STOP_SENSOR.replace('mutation', 'mutation B')}"
    admins = ("deleteRun", "wipeAssets", "setConcurrencyLimit", "shutdownRepositoryLocation", "notYetKnown")
    return {
        "viewer launches": lambda ui: ui.mutate(LAUNCH, who="vera"),
        "viewer ends a run": lambda ui: ui.mutate("mutation { terminateRun { __typename } }", who="vera"),
        "viewer reads a notebook": lambda ui: ui.ask("/notebook?path=/x.ipynb", who="vera"),
        "viewer on a websocket": lambda ui: ui.subscribe(LAUNCH, who="vera"),
        "trader stops a sensor": lambda ui: ui.mutate(STOP_SENSOR, who="tom"),
        "trader by a fragment": lambda ui: ui.mutate(fragment, who="tom"),
        "trader by an inline fragment": lambda ui: ui.mutate(inline, who="tom"),
        "trader beside what he may": lambda ui: ui.mutate(hidden, who="tom"),
        "trader reports an asset": lambda ui: ui.ask(
            "/report_asset_check/signals",
            method="POST",
            who="tom",
            body={},
            Content_Type="application/json",
            Origin=ui.origin,
        ),
        **{
            f"trader: {name}": lambda ui, name=name: ui.mutate(  # type: ignore[misc]
                f"mutation {{ {name} {{ __typename }} }}", who="tom"
            )
            for name in admins
        },
    }


def allowed() -> dict[str, tuple[str, Attack]]:
    """What must reach the app: name to the server and the request."""
    return {
        "page": ("open", lambda ui: ui.ask("/")),
        "query": ("open", lambda ui: ui.ask(by_get(QUERY))),
        "a link to the page": (
            "open",
            lambda ui: ui.ask(
                "/", Sec_Fetch_Site="cross-site", Sec_Fetch_Mode="navigate", Sec_Fetch_Dest="document"
            ),
        ),
        "mutation of the page": ("open", lambda ui: ui.mutate(STOP_SENSOR)),
        "subscription": ("open", lambda ui: ui.subscribe(SUBSCRIBE)),
        "viewer looks": ("login", lambda ui: ui.ask(by_get(QUERY), who="vera")),
        "viewer subscribes": ("login", lambda ui: ui.subscribe(SUBSCRIBE, who="vera")),
        "trader launches": ("login", lambda ui: ui.mutate(LAUNCH, who="tom")),
        "admin stops a sensor": ("login", lambda ui: ui.mutate(STOP_SENSOR, who="ada")),
    }


def bindings(home: Path) -> Iterator[tuple[str, bool]]:
    """Servers that must not start on a desk without users, and whether one would."""
    cases = {
        "all addresses": ("0.0.0.0", {}),  # noqa: S104 - nothing is bound
        "an address of the network": ("192.0.2.7", {}),
        "another name": ("127.0.0.1", {"ui_hosts": "desk.example"}),
        "a proxy": ("127.0.0.1", {"trusted_proxies": "127.0.0.1"}),
        "every proxy": ("127.0.0.1", {"trusted_proxies": "0.0.0.0/0"}),
        "every name": ("127.0.0.1", {"ui_hosts": "*"}),
    }
    environment = read_environment(home)
    for name, (bind, settings) in cases.items():
        try:
            guard_settings(environment.model_copy(update=settings), bind)
        except ConfigurationError:
            yield name, False
        else:
            yield name, True


def _foreign_cookie(ui: Ui) -> str:
    stamp = UserStore(ui.home).users()["ada"].stamp
    return str(URLSafeTimedSerializer("another key", salt="spotdesk session").dumps(["ada", stamp]))


def _cookie_of_old_stamp(ui: Ui) -> str:
    store = UserStore(ui.home)
    store.add("eve", Role.ADMIN, PASSWORD)
    cookie = Sessions(ui.home).begin(Identity("eve", Role.ADMIN, "password"))
    store.add("eve", Role.VIEWER, PASSWORD)
    return cookie


def _removed(ui: Ui) -> str:
    store = UserStore(ui.home)
    store.add("rob", Role.ADMIN, PASSWORD)
    cookie = Sessions(ui.home).begin(Identity("rob", Role.ADMIN, "password"))
    store.remove("rob")
    return cookie


def _old_cookie(ui: Ui) -> str:
    made = time.time() - MAX_AGE_SECONDS - 60
    with mock.patch("itsdangerous.timed.time.time", return_value=made):
        return Sessions(ui.home).begin(Identity("ada", Role.ADMIN, "password"))


def _log_in(ui: Ui, name: str, password: str, origin: str) -> None:
    """A login that succeeds reaches the app: whoever holds a session does."""
    form = urllib.parse.urlencode({"name": name, "password": password})
    kind = "application/x-www-form-urlencoded"
    if ui.ask("/login", method="POST", body=form, Content_Type=kind, Origin=origin) == 303:
        ui.reached.append("a session")


def _guess(ui: Ui) -> None:
    """The right password after many wrong ones, within the minute that the name has to wait."""
    for n in range(6):
        _log_in(ui, "tom", f"guess {n}", ui.origin)
    _log_in(ui, "tom", PASSWORD, ui.origin)
