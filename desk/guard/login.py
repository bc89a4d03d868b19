"""The page on which a person logs in and out."""

import asyncio
import html
from pathlib import Path
from urllib.parse import parse_qs

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response

from resources.identity.guesses import WAIT_SECONDS, Guesses
from resources.identity.sessions import COOKIE, MAX_AGE_SECONDS, Sessions
from resources.identity.users import UserStore
from spot.errors import ConfigurationError

LOGIN_PATH = "/login"
LOGOUT_PATH = "/logout"
_MAX_FORM_BYTES = 4_000
"""Chosen by hand: a name and a password, with room for passphrases in any script."""
_AT_ONCE, _MAX_WAITING = 2, 20
"""Passwords that are checked at once, and logins that may wait. Chosen by hand: a check takes 16 MB and a
core, and the desk needs its own.
"""
_PAGE = """<!doctype html><html lang="en"><title>Spotdesk</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>:root{{color-scheme:light dark}}
body{{padding:0 1rem;font:16px system-ui;margin:15vh auto;max-width:20rem}}
input,button{{display:block;width:100%;margin:.5rem 0 1rem;padding:.5rem;box-sizing:border-box;font:inherit}}
p{{color:light-dark(#a00,#ff9d94)}}</style>
<main><h1>Spotdesk</h1><p role="alert">{told}</p><form method="post" action="/login">
<label>Name<input name="name" autocomplete="username" required autofocus></label>
<label>Password<input name="password" type="password" autocomplete="current-password" required></label>
<button>Log in</button></form></main></html>"""
_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; form-action 'self';"
    " frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
}


class Login:
    """Answers the pages `/login` and `/logout`; after some wrong passwords of a name it has to wait."""

    def __init__(self, home: Path) -> None:
        self._users = UserStore(home)
        self._guesses = Guesses()
        # A hash takes 16 MB and a core: many logins at once shall not take all of them.
        self._turns, self._n_waiting = asyncio.Semaphore(_AT_ONCE), 0

    async def answer(self, request: Request, sessions: Sessions) -> Response:
        """The form, a session, or why there is none."""
        if request.url.path == LOGOUT_PATH:
            gone = RedirectResponse(LOGIN_PATH, status_code=303)
            gone.delete_cookie(COOKIE)
            return gone if request.method == "POST" else _page("", status=405)
        if request.method in ("GET", "HEAD"):
            return _page("")
        if request.method != "POST":
            return _page("", status=405)
        fields = await _fields(request)
        if fields is None:
            return PlainTextResponse("refused: a form with name and password is expected\n", status_code=400)
        return await self._begin(request, sessions, *fields)

    async def _begin(self, request: Request, sessions: Sessions, name: str, password: str) -> Response:
        if self._guesses.has_to_wait(name):
            return _page(f"Too many wrong passwords: wait {WAIT_SECONDS:.0f} seconds.", status=429)
        if self._n_waiting >= _MAX_WAITING:
            return _page("Too many people log in at once: try again.", status=429)
        self._guesses.count(name)  # before the check: guesses side by side count
        self._n_waiting += 1
        try:
            async with self._turns:
                who = await run_in_threadpool(self._users.check, name, password)
        except ConfigurationError as error:
            return _page(str(error), status=503)
        finally:
            self._n_waiting -= 1
        if who is None:
            return _page("Name or password is wrong.", status=401)
        self._guesses.forget(name)
        answer = RedirectResponse("/", status_code=303)
        answer.set_cookie(
            COOKIE,
            sessions.begin(who),
            max_age=MAX_AGE_SECONDS,
            httponly=True,
            samesite="lax",  # a link in a message leads in; no GET request changes anything
            secure=request.headers.get("origin", "").startswith("https://"),
        )
        return answer


async def _fields(request: Request) -> tuple[str, str] | None:
    """Name and password of the form."""
    if not request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        return None
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > _MAX_FORM_BYTES:
            return None
    try:
        form = parse_qs(body.decode(), keep_blank_values=True, max_num_fields=4)
        (name,), (password,) = form["name"], form["password"]
    except (ValueError, KeyError):
        return None
    return name, password


def _page(told: str, *, status: int = 200) -> Response:
    return HTMLResponse(_PAGE.format(told=html.escape(told)), status_code=status, headers=_HEADERS)
