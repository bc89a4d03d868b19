"""Somebody who asks an ASGI app from an address of loopback, without a server."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx
from starlette.types import ASGIApp


@dataclass(slots=True)
class Visitor:
    """Asks `app` under `address`, from `client`, with `cookies`."""

    app: ASGIApp
    address: str = "http://127.0.0.1:3100"
    client: str = "127.0.0.1"
    cookies: Mapping[str, str] = field(default_factory=dict)

    def get(self, path: str, **how: Any) -> httpx.Response:
        """The answer to a GET request; `how` as httpx takes it."""
        return asyncio.run(self._ask("GET", path, how))

    def post(self, path: str, **how: Any) -> httpx.Response:
        """The answer to a POST request."""
        return asyncio.run(self._ask("POST", path, how))

    async def _ask(self, method: str, path: str, how: Mapping[str, Any]) -> httpx.Response:
        transport = httpx.ASGITransport(app=self.app, client=(self.client, 5000))
        async with httpx.AsyncClient(
            transport=transport, base_url=self.address, cookies=dict(self.cookies)
        ) as asker:
            return await asker.request(method, path, **how)
