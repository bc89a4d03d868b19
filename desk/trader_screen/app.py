"""The app of the screen: one page, its style and script, and what is posted. It stands behind the guard."""

import hashlib
import json
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp

from desk.figures.opened import OpenedDesk
from desk.guard.guard import guarded
from desk.guard.settings import GuardSettings
from desk.screen.console import json_text
from desk.trader_screen.actions import POSTS, Actions
from desk.trader_screen.page import Shown, page
from desk.trader_screen.snapshot import STALE_AFTER, Snapshots
from desk.trader_screen.what_if import WhatIfs
from resources.identity.roles import IDENTITY, Identity
from resources.settings.environment import Environment
from resources.trading.state import TradingStateStore
from resources.trading.state_files import StateRecord
from resources.wall_clock import utc_now
from spot.errors import SpotdeskError

_STATIC = Path(__file__).parent / "static"
_HEADERS = {
    "Cache-Control": "no-cache",
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; script-src 'self'; img-src data:;"
    " connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}
_KEPT_PAGES = 32
"""Chosen by hand: one page for each person who looks, and room for the minutes before. The oldest goes first.
"""
_PageKey = tuple[int, str, tuple[StateRecord, ...], Identity, bool, datetime]


class Screen:
    """The screen of one desk."""

    def __init__(
        self,
        environment: Environment,
        read_environment: Callable[[], Environment],
        *,
        needs_login: bool,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self._environment, self._needs_login, self._clock = environment, needs_login, clock
        self.snapshots = Snapshots(lambda: OpenedDesk(read_environment()), clock)
        self._actions = Actions(environment, clock)
        self._what_ifs = WhatIfs(lambda: OpenedDesk(read_environment()), clock)
        self._pages: dict[_PageKey, tuple[str, str]] = {}
        self._making = threading.Lock()

    async def show(self, request: Request) -> Response:
        """The page; 304 where the reader has it already."""
        etag, html = await run_in_threadpool(self._page, request.scope[IDENTITY])
        headers = {**_HEADERS, "ETag": etag, "X-Desk-Time": self._clock().isoformat()}
        if request.headers.get("if-none-match") == etag:
            return Response(status_code=304, headers=headers)
        return HTMLResponse(html, headers=headers)

    async def do(self, request: Request) -> Response:
        """An action that the guard has let through."""
        asked, who = json.loads(await request.body()), request.scope[IDENTITY]
        try:
            told = await run_in_threadpool(self._actions.do, request.url.path, who, asked)
        except SpotdeskError as error:
            return PlainTextResponse(str(error), status_code=409, headers=_HEADERS)
        finally:
            self.snapshots.want()
        return JSONResponse({"told": told}, headers=_HEADERS)

    async def what_if(self, request: Request) -> Response:
        """What would follow from other inputs. It reads alone, so whoever may look may ask."""
        zone, changes = request.query_params.get("zone", ""), request.query_params.getlist("set")
        try:
            facts = await run_in_threadpool(self._what_ifs.answer, zone, changes)
        except SpotdeskError as error:
            return PlainTextResponse(str(error), status_code=409, headers=_HEADERS)
        return Response(json_text(facts, indent=None), media_type="application/json", headers=_HEADERS)

    def _page(self, who: Identity) -> tuple[str, str]:
        """Tag and text of the page, which is made again when a fact or the minute changes."""
        snapshot, now = self.snapshots.newest, self._clock()
        records = TradingStateStore(self._environment.trading_state).records()
        is_old = snapshot is not None and now - snapshot.read_utc > STALE_AFTER
        minute = now.replace(second=0, microsecond=0)
        number = 0 if snapshot is None else snapshot.number
        key = (number, self.snapshots.problem, records, who, is_old, minute)
        with self._making:  # many who ask at once wait for one page
            made = self._pages.get(key)
            if made is None:
                shown = Shown(
                    home=self._environment.home,
                    snapshot=snapshot,
                    problem=self.snapshots.problem,
                    records=records,
                    who=who,
                    now=now,
                    needs_login=self._needs_login,
                )
                made = self._keep(key, page(shown))
        return made

    def _keep(self, key: _PageKey, html: str) -> tuple[str, str]:
        if len(self._pages) >= _KEPT_PAGES:
            self._pages.clear()
        self._pages[key] = (f'"{hashlib.sha256(html.encode()).hexdigest()[:20]}"', html)
        return self._pages[key]


def screen_app(screen: Screen, settings: GuardSettings) -> ASGIApp:
    """The screen behind the guard; its facts are read while it runs."""

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        with screen.snapshots.running():
            yield

    routes = [
        Route("/", screen.show),
        Route("/what_if", screen.what_if),
        *(Route(path, screen.do, methods=["POST"]) for path in POSTS),
        Mount("/static", StaticFiles(directory=_STATIC)),
    ]
    return guarded(Starlette(routes=routes, lifespan=lifespan), settings, POSTS)
