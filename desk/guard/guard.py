"""The guard: an ASGI middleware around an app whose own server trusts everybody.

Refused are a foreign Host (a name that was made to point here), a foreign Origin (another web page that uses
this browser), GET requests and websockets that change something, changes that are not JSON, and whatever the
role of whoever asks does not allow. What a request says is read once and handed on as it was read, so the app
cannot understand it otherwise.
"""

import logging
from collections.abc import Mapping
from urllib.parse import urlsplit

from starlette.datastructures import Headers, QueryParams
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request, cookie_parser
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from desk.guard.body import MAX_BODY_BYTES, Refusal, json_body, parsed, with_body
from desk.guard.login import LOGIN_PATH, LOGOUT_PATH, Login
from desk.guard.operations import Asked, NotUnderstoodError, read_operations
from desk.guard.settings import GuardSettings, is_loopback
from resources.identity.actions import note_action
from resources.identity.person import system_user
from resources.identity.roles import IDENTITY, Identity, Role, may
from resources.identity.sessions import COOKIE, Sessions
from resources.identity.users import UserStore
from spot.errors import ConfigurationError

_LOG = logging.getLogger("spotdesk.guard")
_GRAPHQL = "/graphql"
_READ_METHODS = ("GET", "HEAD")
_ADMIN_PATHS = ("/report_asset", "/notebook", "/dagit/notebook")
_NO_ACTIONS = frozenset({"logTelemetry", "setNuxSeen", "__typename"})
"""What the page sends by itself."""
_FORWARDED = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip")


def guarded(app: ASGIApp, settings: GuardSettings, posts: Mapping[str, str] | None = None) -> ASGIApp:
    """The app behind the guard; nothing reaches it that the guard has not let through.

    `posts` are the paths to which JSON may be posted, each with its action; None for Dagster's own.
    """
    guard = Guard(app, settings, posts)
    return TrustedHostMiddleware(guard, allowed_hosts=list(settings.hosts), www_redirect=False)


class Guard:
    """Checks each request and websocket; see the module."""

    def __init__(self, app: ASGIApp, settings: GuardSettings, posts: Mapping[str, str] | None = None) -> None:
        self._app, self._settings, self._posts = app, settings, posts
        self._users, self._login = UserStore(settings.home), Login(settings.home)
        self._sessions = Sessions(settings.home) if settings.needs_login else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One connection, or the start and end of the server."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await self._websocket(scope, receive, send)
        elif scope["type"] == "http":
            await self._http(scope, receive, send)

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            _check_path(scope["path"])
            check_origin(scope)
            answer = await self._own_page(scope, receive)
            if answer is None:
                who = self._who(scope)
                scope, receive = await self._allowed(scope, receive, who)
                await self._app({**scope, IDENTITY: who}, receive, _unframed(send))
                return
        except Refusal as refusal:
            _LOG.warning("refused %s %s: %s", scope["method"], scope["path"][:80], refusal.reason)
            answer = _refused(scope, refusal)
        await answer(scope, receive, send)

    async def _own_page(self, scope: Scope, receive: Receive) -> Response | None:
        """The pages of the guard itself: login and logout."""
        if self._sessions is None or scope["path"] not in (LOGIN_PATH, LOGOUT_PATH):
            return None
        return await self._login.answer(Request(scope, receive), self._sessions)

    def _who(self, scope: Scope) -> Identity:
        """Who asks.

        Raises:
            Refusal: nobody whom the desk knows.
        """
        headers, client = Headers(scope=scope), str((scope.get("client") or ("", 0))[0])
        if self._sessions is None:
            # Whoever reaches loopback works on this machine, unless a proxy passes on what others send.
            if not is_loopback(client) or any(name in headers for name in _FORWARDED):
                raise Refusal(403, "this server has no login, so it answers requests from this machine only")
            return Identity(system_user(), Role.ADMIN, "loopback")
        try:
            proxies = self._settings.proxies
            cookie = cookie_parser(headers.get("cookie", "")).get(COOKIE)
            who = self._sessions.read(cookie) or proxies.identity(
                client, headers.getlist(proxies.header), self._users
            )
        except ConfigurationError as error:
            raise Refusal(503, str(error)) from error
        if who is None:
            raise Refusal(401, "log in first")
        return who

    async def _allowed(self, scope: Scope, receive: Receive, who: Identity) -> tuple[Scope, Receive]:
        """The request as the app shall see it.

        Raises:
            Refusal: it is not allowed to whoever asks, or at all.
        """
        method, path = scope["method"], scope["path"]
        is_graphql = path.rstrip("/") == _GRAPHQL
        if any(path.startswith(start) for start in _ADMIN_PATHS):
            _require(who, "administer")
        if method in _READ_METHODS:
            _require(who, "look")
            return (_read_only(scope), receive) if is_graphql else (scope, receive)
        if method != "POST":
            raise Refusal(405, f"{method} is not answered")
        if self._posts is not None:
            return await self._posted(scope, receive, who, self._posts)
        if not is_graphql and not path.startswith("/report_asset"):
            raise Refusal(405, "nothing is changed here")
        document, body = await json_body(scope, receive)
        if is_graphql:
            asked = _understood(document.get("query"))
            for action in sorted(asked.actions):
                _require(who, action)
            if "subscription" in asked.kinds:
                raise Refusal(400, "subscriptions need a websocket")
            if actions := sorted(asked.mutations - _NO_ACTIONS):
                note_action(self._settings.home, who, actions)
        return with_body(scope, body)

    async def _posted(
        self, scope: Scope, receive: Receive, who: Identity, posts: Mapping[str, str]
    ) -> tuple[Scope, Receive]:
        """What is posted to an app whose actions are paths."""
        action = posts.get(scope["path"])
        if action is None:
            raise Refusal(405, "nothing is changed here")
        _require(who, action)
        _, body = await json_body(scope, receive)
        note_action(self._settings.home, who, [action])
        return with_body(scope, body)

    async def _websocket(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            _check_path(scope["path"])
            check_origin(scope)
            who = self._who(scope)
            _require(who, "look")
        except Refusal as refusal:
            _LOG.warning("refused a websocket: %s", refusal.reason)
            await receive()
            await send({"type": "websocket.close", "code": 1008, "reason": refusal.reason})
            return

        async def watched() -> Message:
            message = await receive()
            if message["type"] != "websocket.receive":
                return message
            try:
                return {"type": "websocket.receive", "text": _watched_text(message)}
            except Refusal as refusal:
                _LOG.warning("ended a websocket of %s: %s", who.name, refusal.reason)
                await send({"type": "websocket.close", "code": 1008, "reason": refusal.reason})
                return {"type": "websocket.disconnect", "code": 1008}

        await self._app(scope, watched, send)


def check_origin(scope: Scope) -> None:
    """Refuse what another web page makes a browser send.

    Raises:
        Refusal: the page is of another host, or the browser says so.
    """
    headers = Headers(scope=scope)
    origins = headers.getlist("origin")
    if len(origins) > 1 or (origins and urlsplit(origins[0]).netloc != headers.get("host", "")):
        raise Refusal(403, "a foreign Origin")
    is_link = scope.get("method") == "GET" and headers.get("sec-fetch-mode") == "navigate"
    if headers.get("sec-fetch-site", "none") not in ("none", "same-origin") and not is_link:
        raise Refusal(403, "sent by another page")
    if is_link and headers.get("sec-fetch-dest", "document") != "document":
        raise Refusal(403, "shown inside another page")


def _check_path(path: str) -> None:
    """A route ends at `$`, which also matches before a line break: no path with one is passed on."""
    if any(ord(character) < 32 or ord(character) == 127 for character in path):
        raise Refusal(400, "a path with control characters")


def _require(who: Identity, action: str) -> None:
    if not may(who, action):
        raise Refusal(403, f"{who.name} is {who.role}, who may not {action}")


def _understood(query: object) -> Asked:
    try:
        return read_operations(query)
    except NotUnderstoodError as error:
        raise Refusal(400, str(error)) from error


def _read_only(scope: Scope) -> Scope:
    """A GET request of GraphQL: queries alone. The page of GraphiQL has none."""
    query = QueryParams(scope["query_string"]).get("query")
    if query is not None and _understood(query).kinds != {"query"}:
        raise Refusal(405, "a GET request changes nothing")
    return scope


def _unframed(send: Send) -> Send:
    """Answers that no other page may show within itself."""

    async def send_with_header(message: Message) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message["headers"], (b"x-frame-options", b"DENY")]}
        await send(message)

    return send_with_header


def _watched_text(message: Message) -> str:
    """The text of a message of a websocket, which may ask and subscribe and change nothing."""
    text = message.get("text")
    if text is None or len(text) > MAX_BODY_BYTES:
        raise Refusal(400, "a message of text is expected")
    document, body = parsed(text)
    if document.get("type") == "start":
        payload = document.get("payload")
        asked = _understood(payload.get("query") if isinstance(payload, dict) else None)
        if "mutation" in asked.kinds:
            raise Refusal(405, "a websocket changes nothing")
    return body.decode()


def _refused(scope: Scope, refusal: Refusal) -> Response:
    """A page that a person opens leads to the login; everything else is told why."""
    wants_page = "text/html" in Headers(scope=scope).get("accept", "")
    if refusal.status == 401 and wants_page and scope["method"] == "GET":
        return RedirectResponse(LOGIN_PATH, status_code=303)
    return PlainTextResponse(f"refused: {refusal.reason}\n", status_code=refusal.status)
