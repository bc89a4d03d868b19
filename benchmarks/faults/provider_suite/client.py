"""Faults of a provider on loopback: the right error, and a canary token nowhere."""

import io
import logging
import tempfile
import traceback
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from benchmarks.faults.provider_suite.figure import Figure, at_least, at_most
from resources.providers.http import HttpClient, HttpPolicy
from spot.errors import NotYetPublishedError, SpotdeskError
from tests.support.provider_server import (
    Behaviour,
    cuts_body,
    drips,
    faulty_provider,
    resets,
    sends,
    sends_bomb,
    sends_html,
    stays_silent,
)

CANARY = "canary-2f9d71-token"


def client_faults() -> Iterator[Figure]:
    """Every fault of a provider, with a canary token: the right error, and the token nowhere."""
    body = b"<a>" + b"x" * 5000 + b"</a>"
    faults: dict[str, Behaviour] = {
        "429": sends(b"", 429, Retry_After="1"),
        "429 with a ban": sends(b"", 429, Retry_After="600"),
        "503": sends(b"", 503),
        "500": sends(CANARY.encode(), 500),
        "404": sends(b"", 404),
        "401": sends(b"", 401),
        "timeout": stays_silent(2.5),
        "slow body": drips(60, 0.1),
        "reset": resets,
        "body cut": cuts_body(body, 700),
        "HTML with 200": sends_html(),
        "redirect": sends(b"", 302, Location="http://127.0.0.1:9/"),
        "gzip bomb": sends_bomb(10),
    }
    policy = HttpPolicy(
        requests_per_minute=60_000,
        attempts=2,
        connect_seconds=1,
        read_seconds=1.0,
        total_seconds=1.5,
        longest_wait_seconds=30,
    )
    log = io.StringIO()
    handler = logging.StreamHandler(log)
    logging.getLogger().addHandler(handler)
    logging.getLogger().setLevel(logging.DEBUG)
    n_right, leaks = 0, []
    with tempfile.TemporaryDirectory() as folder:
        for name, fault in faults.items():
            with faulty_provider() as provider:
                provider.plan = [fault]
                client = HttpClient(
                    Path(folder) / name.replace(" ", "_"),
                    replace(policy, maximum_bytes=8 << 20),
                    sleep=lambda _: None,
                )
                try:
                    client.get(provider.url, {"zone": "BE"}, {"securityToken": CANARY})
                except SpotdeskError as error:
                    n_right += isinstance(error, NotYetPublishedError) == (name == "404")
                    said = f"{error!r}" + "".join(traceback.format_exception(error))
                    files = "".join(path.read_text() for path in Path(folder).rglob("*") if path.is_file())
                    leaks += [name] if CANARY in said + log.getvalue() + files else []
    logging.getLogger().removeHandler(handler)
    logging.getLogger().setLevel(logging.WARNING)
    yield at_least(
        "faults of a provider that end in the right error", n_right, len(faults), "", ", ".join(faults)
    )
    yield at_most(
        "faults after which the token is found in an error, log or file", len(leaks), 0, "", ", ".join(leaks)
    )
