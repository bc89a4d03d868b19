"""What a request says: read once as JSON, and handed on as it was read. Refusals stand here, too."""

import json
from collections.abc import Mapping
from typing import Any

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.types import Message, Receive, Scope

MAX_BODY_BYTES = 4_000_000
"""Chosen by hand: far above what the Dagster UI sends, and so small that many at once do not fill the memory.
"""


class Refusal(Exception):  # noqa: N818 - an answer, not a fault
    """Why a request goes no further."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status, self.reason = status, reason


async def json_body(scope: Scope, receive: Receive) -> tuple[Mapping[str, Any], bytes]:
    """The object of a JSON body, and the same object written anew.

    Raises:
        Refusal: it is not said to be JSON, too long, or no object.
    """
    kinds = Headers(scope=scope).getlist("content-type")
    if len(kinds) != 1 or kinds[0].partition(";")[0].strip().lower() != "application/json":
        raise Refusal(415, "a change is JSON (application/json)")
    body = b""
    async for chunk in Request(scope, receive).stream():
        body += chunk
        if len(body) > MAX_BODY_BYTES:
            raise Refusal(413, f"more than {MAX_BODY_BYTES} bytes")
    return parsed(body)


def parsed(text: bytes | str) -> tuple[dict[str, Any], bytes]:
    """A JSON object, and the same object written anew.

    Raises:
        Refusal: it is none.
    """
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Refusal(400, "the JSON cannot be read") from error
    if not isinstance(document, dict):
        raise Refusal(400, "a JSON object is expected")
    return document, json.dumps(document).encode()


def with_body(scope: Scope, body: bytes) -> tuple[Scope, Receive]:
    """The request with the body as the guard read it, and without parameters that nobody read."""
    kept = [
        (name, value)
        for name, value in scope["headers"]
        if name not in (b"content-length", b"transfer-encoding")
    ]
    headers = [*kept, (b"content-length", str(len(body)).encode())]
    told = False

    async def receive() -> Message:
        nonlocal told
        if told:
            return {"type": "http.disconnect"}
        told = True
        return {"type": "http.request", "body": body, "more_body": False}

    return {**scope, "headers": headers, "query_string": b""}, receive
