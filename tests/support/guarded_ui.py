"""The guarded UI of a desk on loopback, the people who use it, and what of their requests reached the app."""

import asyncio
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from socket import create_connection
from typing import Any

from dagster import DagsterInstance
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import EmptyWorkspaceTarget
from dagster_webserver.app import create_app_from_workspace_process_context
from starlette.types import ASGIApp, Receive, Scope, Send
from websockets.exceptions import WebSocketException
from websockets.sync.client import connect
from websockets.typing import Origin, Subprotocol

from desk.demo.quick_sqlite import quick_sqlite
from desk.guard.guard import guarded
from desk.guard.settings import LOOPBACK_HOSTS, GuardSettings
from resources.home.make import make_home
from resources.identity.proxy import TrustedProxies
from resources.identity.roles import Identity, Role
from resources.identity.sessions import COOKIE, Sessions
from resources.identity.users import UserStore
from tests.support.dagster_ui import ask, served

PASSWORD = "a long enough password"
PEOPLE = {"vera": Role.VIEWER, "tom": Role.TRADER, "ada": Role.ADMIN}
LOGGED_IN_BY_PROXY = "olga"
JSON = {"Content-Type": "application/json"}


@dataclass(slots=True)
class Ui:
    """One guarded server, and the GraphQL that reached the app behind it."""

    port: int
    home: Path
    reached: list[str] = field(default_factory=list)
    cookies: dict[str, str] = field(default_factory=dict)

    @property
    def origin(self) -> str:
        return f"http://{self.own_host}"

    @property
    def own_host(self) -> str:
        return f"127.0.0.1:{self.port}"

    def ask(
        self,
        path: str = "/graphql",
        *,
        method: str = "GET",
        who: str = "",
        body: Any = None,
        **headers: str,
    ) -> int:
        """Status of an answer; headers by name, with `_` for `-`."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()} | self.cookie(who)
        text = body if body is None or isinstance(body, bytes | str) else json.dumps(body)
        return self.status_of(method, path, sent, text)

    def status_of(self, method: str, path: str, headers: dict[str, str], body: bytes | str | None) -> int:
        """Status of the answer to one request."""
        return ask(self.port, path, method=method, headers=headers, body=body)[0]

    def cookie(self, who: str) -> dict[str, str]:
        """The header of a person's session; empty for nobody."""
        return {"Cookie": f"{COOKIE}={self.cookies.get(who, who)}"} if who else {}

    @property
    def socket_options(self) -> dict[str, Any]:
        """How a websocket is opened, beside its address."""
        return {}

    def mutate(self, query: str, *, who: str = "", **more: str) -> int:
        """Status of a mutation as the UI sends it, unless headers say otherwise."""
        headers = {"Content_Type": "application/json", "Origin": self.origin, **more}
        return self.ask(method="POST", who=who, body={"query": query}, **headers)

    def subscribe(self, query: str, *, who: str = "", origin: str = "", host: str = "") -> str:
        """Type of the first answer to a message on a websocket; empty where there is none."""
        start = {"id": "1", "type": "start", "payload": {"query": query}}
        try:
            with connect(
                f"{'wss' if self.origin.startswith('https') else 'ws'}://{host or self.own_host}/graphql",
                sock=create_connection(("127.0.0.1", self.port)),
                origin=Origin(origin or self.origin),
                additional_headers=self.cookie(who),
                **self.socket_options,
                subprotocols=[Subprotocol("graphql-ws")],
                proxy=None,
            ) as socket:
                socket.send(json.dumps({"type": "connection_init"}))
                socket.recv(timeout=5)
                socket.send(json.dumps(start))
                return str(json.loads(socket.recv(timeout=0.3))["type"])
        except TimeoutError:
            return "waiting"
        except (WebSocketException, OSError, EOFError):
            return ""


class _Recorder:
    """Writes down what reaches the app."""

    def __init__(self, app: ASGIApp, reached: list[str]) -> None:
        self._app, self._reached = app, reached

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "lifespan":
            self._reached.append(f"{scope['type']} {scope['path']}")

        async def noted() -> Any:
            message = await receive()
            if "mutation" in str(message.get("text", "")):
                self._reached.append("mutation on a websocket")
            return message

        await self._app(scope, noted, send)


@contextmanager
def guarded_uis(
    folder: Path, hosts: tuple[str, ...] = LOOPBACK_HOSTS, proxy: str = "127.0.0.7"
) -> Iterator[Mapping[str, Ui]]:
    """`open`: of a desk on loopback, without login. `login`: the same with one, and a trusted proxy.

    `hosts` are the names of the second.
    """
    home, instance_home = folder / "desk", folder / "dagster"
    make_home(home)
    instance_home.mkdir()
    store = UserStore(home)
    for name, role in PEOPLE.items():
        store.add(name, role, PASSWORD)
    store.add(LOGGED_IN_BY_PROXY, Role.TRADER, None)
    proxies = TrustedProxies.parse(proxy)
    asks = GuardSettings(home=home, hosts=hosts, needs_login=True, proxies=proxies)
    with (
        quick_sqlite(),
        DagsterInstance.local_temp(str(instance_home)) as instance,
        WorkspaceProcessContext(instance, EmptyWorkspaceTarget()) as workspace,
    ):
        app = create_app_from_workspace_process_context(workspace)
        uis = {name: Ui(0, home) for name in ("open", "login")}
        with (
            served(guarded(_Recorder(app, uis["open"].reached), GuardSettings(home=home))) as first,
            served(guarded(_Recorder(app, uis["login"].reached), asks)) as second,
        ):
            uis["open"].port, uis["login"].port = first, second
            sessions = Sessions(home)
            uis["login"].cookies = {
                name: sessions.begin(Identity(name, role, "password")) for name, role in PEOPLE.items()
            }
            yield uis


def answer_of(app: ASGIApp, client: str, path: str, headers: Mapping[str, str]) -> int:
    """Status of a GET request that comes from `client`, an address that a test does not have."""
    sent: list[Any] = []
    scope = {
        "type": "http",
        "method": "GET",
        "path": path,
        "query_string": b"",
        "client": (client, 1),
        "headers": [(name.lower().encode(), value.encode()) for name, value in headers.items()],
    }

    async def receive() -> Any:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    asyncio.run(app(scope, receive, send))  # type: ignore[arg-type]
    return int(sent[0]["status"])
