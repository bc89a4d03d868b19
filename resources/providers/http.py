"""Requests to providers: bounded in size and time, retried, and polite.

All processes of the desk share one budget per host.

A secret is sent only where the provider wants it. The address that is kept, logged or raised has HIDDEN in
its place, and the library's own request log is silenced. What a body means is not decided here.
"""

import logging
import time
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path

import httpx
from httpx_retries import Retry

from resources.locks.turns import turns_of
from spot.errors import ConfigurationError, NotYetPublishedError, SourceUnavailableError

HIDDEN = "HIDDEN"
_RETRIES = Retry(status_forcelist={408, 425, 429, 500, 502, 503, 504}, backoff_factor=1.0, backoff_jitter=0.5)
"""Which statuses are retried, how long to wait, and what `Retry-After` says.

The transport of the library is not used, because an attempt must wait for its turn in the shared budget.
"""
_ATTEMPTS_TO_CONNECT = 2
"""Attempts for a host that cannot be reached at all. The desk's next look comes soon enough."""
_READ_BY_PARSERS = frozenset({200, 400})
"""Statuses whose body a parser reads. A provider may explain itself in the body of a 400 (ENTSO-E: "no
matching data").
"""


def silence_address_log() -> None:
    """Silence the library's own log.

    It writes every address with its query at INFO, which may include a token. Call it next to the first use.
    """
    for name in ("httpx", "httpcore"):
        logging.getLogger(name).setLevel(logging.WARNING)


silence_address_log()


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpPolicy:
    """How patient and how polite to be with one provider."""

    requests_per_minute: float = 60.0
    """Chosen by hand: polite where a provider states no limit. Each provider with a limit has its own."""
    attempts: int = 4
    connect_seconds: float = 5.0
    """Chosen by hand: a host that does not answer by then is away, and a fallback may be asked."""
    read_seconds: float = 30.0
    """Longest wait for the next bytes. Chosen by hand: providers compute an answer for many seconds before it
    begins.
    """
    total_seconds: float = 120.0
    """Limit of one attempt, from the request to the last byte. A body that comes too slowly is given up."""
    longest_wait_seconds: float = 120.0
    """Longest wait for a turn, a retry or a Retry-After; a longer one ends the call."""
    longest_pause_seconds: float = 3600.0
    """Longest time that a host is left alone for its Retry-After, whatever it or a wrong clock says."""
    maximum_bytes: int = 64 * 1024 * 1024
    """Largest body, decompressed. Chosen by hand: far above the longest span of any provider, and far below
    the memory of a small machine.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came back: the decompressed body, and the address without secrets."""

    status: int
    body: bytes = field(repr=False)
    address: str
    completed_at_utc: datetime


@dataclass(frozen=True, slots=True)
class _Asked:
    """One request as it is sent, and its address as it may be shown."""

    method: str
    url: str
    address: str
    query: Mapping[str, str] = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    form: Mapping[str, str] = field(default_factory=dict, repr=False)


class _TryAgainError(Exception):
    """One attempt failed in a way that may not occur again."""

    def __init__(
        self, reason: str, wait_seconds: float | None = None, *, is_unreachable: bool = False
    ) -> None:
        super().__init__(reason)
        self.wait_seconds = wait_seconds
        self.is_unreachable = is_unreachable


def _ignore(_host: str, _said: datetime) -> None:
    return


@dataclass(slots=True)
class HttpClient:
    """A client for all providers.

    `folder` names the budgets that all processes share: files in it, or rows in Postgres.
    """

    folder: Path
    policy: HttpPolicy = field(default_factory=HttpPolicy)
    sleep: Callable[[float], None] = time.sleep
    wall_clock: Callable[[], float] = time.time
    hear: Callable[[str, datetime], None] = _ignore
    """Is told what a host says of the time, with each answer."""

    def get(
        self,
        url: str,
        parameters: Mapping[str, str] | None = None,
        secrets: Mapping[str, str] | None = None,
        secret_headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """The answer to a GET.

        `secrets` are query parameters that are never shown. The values of `secret_headers` are never shown
        either.

        Raises:
            ConfigurationError: the provider refuses the token (401, 403) or the address is not valid.
            NotYetPublishedError: there is no such document (404).
            SourceUnavailableError: no usable answer after all attempts, or the provider asks for a longer
                wait than the policy allows.
        """
        address = shown_address(url, parameters or {}, secrets or {})
        asked = _Asked("GET", url, address, {**(parameters or {}), **(secrets or {})}, secret_headers or {})
        return self._ask(asked, [*(secrets or {}).values(), *(secret_headers or {}).values()])

    def post_form(self, url: str, form: Mapping[str, str], secret_form: Mapping[str, str]) -> Answer:
        """The answer to a POST of a form, with which some providers issue a token.

        The values of `secret_form` belong to the form and are never shown.

        Raises:
            ConfigurationError, NotYetPublishedError, SourceUnavailableError: as `get`.
        """
        return self._ask(
            _Asked("POST", url, url, {}, {}, {**form, **secret_form}), list(secret_form.values())
        )

    def _ask(self, asked: "_Asked", secrets: Sequence[str]) -> Answer:
        url, address = asked.url, asked.address
        hidden = tuple(value for value in secrets if value)
        if any(not value.isascii() or not value.isprintable() for value in asked.headers.values()):
            raise ConfigurationError(
                f"{address}: a key or token holds characters that a header may not hold: check it in .env"
            )
        reason, attempts, attempt = "not asked", self.policy.attempts, 0
        while attempt < attempts:
            self._take_turn(httpx.URL(url).host, address)
            try:
                return self._attempt(asked, hidden)
            except _TryAgainError as error:
                reason = redact(str(error), hidden)
                attempts = min(attempts, _ATTEMPTS_TO_CONNECT) if error.is_unreachable else attempts
                wait = _backoff(attempt) if error.wait_seconds is None else error.wait_seconds
                if error.wait_seconds is not None:
                    self._block(httpx.URL(url).host, wait)
            attempt += 1
            if attempt < attempts:
                self._wait(wait, f"{address}: {reason}")
        raise SourceUnavailableError(
            f"{address}: {reason}, after {attempt} attempt{'s' if attempt > 1 else ''}"
        )

    def _attempt(self, asked: "_Asked", hidden: tuple[str, ...]) -> Answer:
        address = asked.address
        timeout = httpx.Timeout(self.policy.read_seconds, connect=self.policy.connect_seconds)
        deadline = time.monotonic() + self.policy.total_seconds
        headers = {"Accept-Encoding": "gzip", "User-Agent": "spotdesk", **asked.headers}
        form = dict(asked.form) if asked.form else None
        try:
            # Redirects are not followed, because they could carry a token to another host. The machine's
            # proxies are used.
            with (
                httpx.Client(timeout=timeout, follow_redirects=False) as client,
                client.stream(
                    asked.method, asked.url, params=dict(asked.query) or None, headers=headers, data=form
                ) as response,
            ):
                self._hear(response)
                _check_status(response, address)
                body = b"".join(_bounded(response, self.policy.maximum_bytes, deadline, address))
        except (httpx.InvalidURL, httpx.UnsupportedProtocol) as error:
            raise ConfigurationError(f"{address}: {redact(str(error), hidden)}") from None
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            why = f"no connection to {httpx.URL(asked.url).host} ({str(error) or 'no answer'})"
            raise _TryAgainError(why, is_unreachable=True) from None
        except httpx.HTTPError as error:
            # The cause is removed, because its request still holds the address with the token.
            raise _TryAgainError(f"{type(error).__name__} {error}".strip()) from None
        if body[:200].lstrip().lower().startswith((b"<!doctype html", b"<html")):
            raise _TryAgainError(f"an HTML page with status {response.status_code} instead of data")
        return Answer(
            status=response.status_code,
            body=body,
            address=address,
            completed_at_utc=datetime.fromtimestamp(self.wall_clock(), UTC),
        )

    def _hear(self, response: httpx.Response) -> None:
        said = _date_of(response)
        if said is not None:
            self.hear(response.url.host, said)

    def _take_turn(self, host: str, address: str) -> None:
        """Wait until this host may be asked again.

        Turns are given under a lock, so all processes share one budget.
        """
        with turns_of(self.folder, host) as turns:
            now, state = turns.now, turns.instants
            turn = max(now, state.get("next_turn", 0.0), state.get("blocked_until", 0.0))
            turn = min(turn, now + self.policy.longest_pause_seconds)
            if turn - now > self.policy.longest_wait_seconds:
                raise SourceUnavailableError(
                    f"{address}: the provider asked for a pause of {turn - now:.0f} s more: ask again later"
                )
            state["next_turn"] = turn + 60.0 / self.policy.requests_per_minute
        if turn > now:
            self.sleep(turn - now)

    def _block(self, host: str, seconds: float) -> None:
        with turns_of(self.folder, host) as turns:
            until, state = turns.now + min(seconds, self.policy.longest_pause_seconds), turns.instants
            state["blocked_until"] = max(state.get("blocked_until", 0.0), until)

    def _wait(self, seconds: float, why: str) -> None:
        if seconds > self.policy.longest_wait_seconds:
            raise SourceUnavailableError(
                f"{why}; the provider asks for a pause of {seconds:.0f} s: ask again later"
            )
        self.sleep(seconds)


def shown_address(url: str, parameters: Mapping[str, str], secrets: Mapping[str, str]) -> str:
    """The address of a GET as it may be kept and shown."""
    return str(httpx.URL(url, params={**parameters, **dict.fromkeys(secrets, HIDDEN)}))


def redact(text: str, hidden: tuple[str, ...]) -> str:
    """`text` with every secret replaced by HIDDEN, both plain and encoded as in an address."""
    for secret in hidden:
        text = text.replace(secret, HIDDEN).replace(str(httpx.QueryParams({"x": secret}))[2:], HIDDEN)
    return text


def _check_status(response: httpx.Response, address: str) -> None:
    status = response.status_code
    if status in _READ_BY_PARSERS:
        return
    if status in (401, 403):
        raise ConfigurationError(
            f"{address}: status {status}, the provider refuses the token: check it with `spotdesk doctor`"
        )
    if status in (404, 410):
        raise NotYetPublishedError(f"{address}: status {status}, no such document (yet)")
    if _RETRIES.is_retryable_status_code(status):
        raise _TryAgainError(f"status {status}", _retry_after(response))
    raise SourceUnavailableError(f"{address}: status {status}, which this client does not follow")


def _backoff(n_attempts: int) -> float:
    """Seconds to wait after so many failed attempts: 0.5 to 1, then twice as long each time."""
    policy = copy(_RETRIES)
    policy.attempts_made = n_attempts
    return policy.backoff_strategy()


def _retry_after(response: httpx.Response) -> float | None:
    """Seconds to wait, from a number or a date; None where the header is absent or unreadable.

    A date is compared with the one of the same answer, not with the clock of this machine.
    """
    text = response.headers.get("Retry-After")
    if text is None:
        return None
    said, until = _date_of(response), _parsed_date(text)
    if said is not None and until is not None:
        return max(0.0, (until - said).total_seconds())
    try:
        return _RETRIES.parse_retry_after(text[:40])
    except ValueError:
        return None


def _date_of(response: httpx.Response) -> datetime | None:
    """The instant at which the host says that it is: `Date`, and the `Age` that a cache adds."""
    said = _parsed_date(response.headers.get("Date", ""))
    age = response.headers.get("Age", "0")
    return said + timedelta(seconds=int(age[:9])) if said is not None and age.isdecimal() else said


def _parsed_date(text: str) -> datetime | None:
    """A date of HTTP (RFC 9110, 5.6.7); None where it is none."""
    try:
        said = parsedate_to_datetime(text[:40])
    except (ValueError, IndexError, TypeError):
        return None
    return said if said.tzinfo is not None else None


def _bounded(response: httpx.Response, maximum_bytes: int, deadline: float, address: str) -> Iterator[bytes]:
    """The decompressed body, piece by piece.

    Size and time are checked at every piece, and compression cannot exceed the bound.
    """
    is_packed = response.headers.get("Content-Encoding", "identity").lower() in ("gzip", "deflate")
    inflater = zlib.decompressobj(zlib.MAX_WBITS | 32) if is_packed else None
    n_bytes = 0
    for raw in response.iter_raw():
        if time.monotonic() > deadline:
            raise _TryAgainError("the body came too slowly")
        try:
            piece = inflater.decompress(raw, maximum_bytes - n_bytes + 1) if inflater else raw
        except zlib.error as error:
            raise _TryAgainError(f"a damaged compressed body ({error})") from None
        n_bytes += len(piece)
        if n_bytes > maximum_bytes:
            raise SourceUnavailableError(
                f"{address}: a body above {maximum_bytes} bytes: refused, ask for fewer days"
            )
        yield piece
    if inflater and not inflater.eof:
        raise _TryAgainError("a compressed body that was cut short")
