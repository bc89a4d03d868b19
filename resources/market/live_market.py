"""Live sources behind one call.

It asks, keeps the answer as it came, parses, judges, and hands on plausible rows. If a source fails, it asks
the next one.

Nothing here decides what a value means: parsers and rules do. A provider that fails costs one attempt for its
own table and zone, and nothing else.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

import polars as pl

from resources.lake.lake import Lake
from resources.market.asking import Asking
from resources.market.captures import CaptureStore
from resources.market.currencies import convert_held
from resources.market.spans import spans
from resources.providers.http import HttpClient
from resources.providers.provider import Provider, ProviderRequest
from resources.wall_clock import utc_now
from spot.contracts.tables import find_contract
from spot.errors import (
    ConfigurationError,
    ContractError,
    NotYetPublishedError,
    SourceUnavailableError,
    SpotdeskError,
)
from spot.market.delivery import days_between
from spot.sources.currencies import LOCAL_TABLE, RATES_TABLE, is_converted, may_be_converted
from spot.sources.judging.plausibility import assess_plausibility
from spot.sources.judging.revisions import select_revisions
from spot.sources.judging.second_source import alone, clock_changes, disagreements
from spot.sources.judging.whole_days import due_days, is_judged_by_day, open_days, runs_of
from spot.sources.parsed import Capture, ParsedDocument

HISTORY = timedelta(days=35)
"""Days before a fetch that its rows are compared with. Chosen by hand: five weeks say what is usual at an
hour, and are quickly read.
"""
_LOG = logging.getLogger("spotdesk.live_market")


@dataclass(frozen=True, slots=True)
class Fetched:
    """The result of a fetch: rows of one table, and what went wrong on the way."""

    rows: pl.DataFrame
    source: str
    """The first source that gave rows."""
    failures: tuple[str, ...] = ()
    """Sources and spans that gave none, each with the reason."""
    flags: tuple[str, ...] = ()
    """Unusual values that a person should look at, for example a price spike."""
    refused: tuple[str, ...] = ()
    """Why rows went to quarantine, with their number."""
    doubts: tuple[str, ...] = ()
    """Days on which two sources disagree, with both values."""


@dataclass(slots=True)
class _Notes:
    """What is noted while sources are asked."""

    failures: list[str] = field(default_factory=list)
    flags: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)

    def note_refused(self, source: str, rows: pl.DataFrame) -> None:
        """Note refused rows with their reasons, most frequent first."""
        reasons = rows["reason"].value_counts(sort=True).rows()
        self.refused += [f"{source}: {n} rows: {reason}" for reason, n in reasons]


def _ignore(_zone: str, _message: str) -> None:
    return


@dataclass(slots=True)
class LiveMarket:
    """All live providers of a desk.

    `client` gives the HTTP client of a provider. `warn` is called with zone and message at every fallback.
    """

    lake: Lake
    providers: Mapping[str, Provider]
    client: Callable[[Provider], HttpClient]
    warn: Callable[[str, str], None] = field(default=_ignore)
    clock_problem: Callable[[], str] = str
    """Why the clock that stamps answers cannot be trusted; empty where it can."""

    def fetch(
        self, table: str, zone: str, first_day: date, last_day: date, *, sources: Sequence[str], now: datetime
    ) -> Fetched:
        """Rows of `table` for the delivery days of the range.

        Each day comes from the first of `sources` that has it whole: a later source is asked for the days
        that are still open. Rows are not written to the ledger yet.

        Raises:
            NotYetPublishedError: every source says that it has nothing yet.
            SourceUnavailableError: no source gave rows, for different reasons.
            ContractError: the last answer was not plausible.
            ConfigurationError: no source has the table for the zone, or a token is missing.
        """
        notes, found = _Notes(), {}
        left = days_between(first_day, last_day)
        last: SpotdeskError = ConfigurationError(f"no live source for {table} of {zone}")
        for name in sources:
            try:
                provider = self._provider(name, table, zone)
                found[name] = self._rows_of_days(provider, table, zone, left, now, notes)
                answered = due_days(table, zone, left, now) if is_judged_by_day(table) else ()
            except SpotdeskError as error:
                notes.failures.append(f"{name}: {error}")
                # "Not yet" is weaker than any failure. It is the verdict only where there was no failure.
                is_weaker = isinstance(error, NotYetPublishedError) and len(notes.failures) > 1
                last, answered = (last if is_weaker else error), left
            left = self._still_open(table, zone, answered, sources, list(found.values()))
            if not left:
                break
        if not found:
            _LOG.warning("%s of %s: no source gave rows: %s", table, zone, "; ".join(notes.failures))
            raise last
        self._tell_of_fallbacks(table, zone, tuple(found), sources, notes)
        source, rows = next(iter(found)), pl.concat(found.values())
        doubts = self._compared(table, zone, rows, sources, now, notes)
        flags, refused = tuple(notes.flags), tuple(notes.refused)
        return Fetched(rows, source, tuple(notes.failures), flags, refused, doubts)

    def _compared(
        self,
        table: str,
        zone: str,
        rows: pl.DataFrame,
        sources: Sequence[str],
        now: datetime,
        notes: _Notes,
    ) -> tuple[str, ...]:
        """Where the prices disagree with those of another source, which is asked on a day of a clock change.

        What it answers is compared and kept among the captures, and does not enter the ledger.
        """
        days = sorted(set(rows["delivery_day"].to_list())) if table == "day_ahead_prices" else []
        if not days or is_converted(table, zone):
            return ()
        held = self.lake.read(table, zones=[zone], first_day=days[0], last_day=days[-1])
        all_rows = [held.filter(pl.col("source").is_in(list(sources))), rows]
        for day in clock_changes(zone, days):
            known = pl.concat(all_rows).filter(pl.col("delivery_day") == day)["source"].unique().to_list()
            if len(known) > 1:
                continue
            second = self._second_opinion(table, zone, day, [n for n in sources if n not in known], now)
            if second is None:
                notes.flags.append(alone(zone, day, known[0]))
            else:
                all_rows.append(second)
        return disagreements(pl.concat(all_rows).filter(pl.col("delivery_day").is_in(days)), zone)

    def _second_opinion(
        self, table: str, zone: str, day: date, names: Sequence[str], now: datetime
    ) -> pl.DataFrame | None:
        """Rows of the day from the first of the sources that has any; None where none has."""
        for name in names:
            try:
                return self._rows(self._provider(name, table, zone), table, zone, (day, day), now, _Notes())
            except SpotdeskError as error:
                _LOG.info("%s of %s on %s: %s cannot be compared: %s", table, zone, day, name, error)
        return None

    def _tell_of_fallbacks(
        self, table: str, zone: str, names: tuple[str, ...], sources: Sequence[str], notes: _Notes
    ) -> None:
        fallbacks = [name for name in names if name != sources[0]]
        if fallbacks:
            why = "; ".join(notes.failures) or f"{sources[0]} does not have every day whole"
            self._tell(zone, f"{table} of {zone} came from {', '.join(fallbacks)}, a fallback: {why}")

    def _still_open(
        self,
        table: str,
        zone: str,
        days: Sequence[date],
        sources: Sequence[str],
        found: Sequence[pl.DataFrame],
    ) -> tuple[date, ...]:
        """Which of the days neither the ledger nor the rows found have whole, from any of the sources."""
        if not days or not is_judged_by_day(table) or is_converted(table, zone):
            return tuple(days)
        held = self.lake.read(table, zones=[zone], first_day=days[0], last_day=days[-1])
        return open_days(pl.concat([held.filter(pl.col("source").is_in(list(sources))), *found]), zone, days)

    def _rows_of_days(
        self,
        provider: Provider,
        table: str,
        zone: str,
        days: Sequence[date],
        now: datetime,
        notes: _Notes,
    ) -> pl.DataFrame:
        """Rows of the days from one source. A stretch of days that fails does not keep the others out."""
        frames: list[pl.DataFrame] = []
        errors: list[SpotdeskError] = []
        for run in runs_of(days):
            try:
                frames.append(self._rows(provider, table, zone, run, now, notes))
            except SpotdeskError as error:
                errors.append(error)
                if isinstance(error, SourceUnavailableError | ConfigurationError):
                    break
        if not frames:
            raise next((error for error in errors if not isinstance(error, NotYetPublishedError)), errors[-1])
        notes.failures += [
            f"{provider.name}: {error}" for error in errors if not isinstance(error, NotYetPublishedError)
        ]
        return pl.concat(frames)

    def reparse(self, capture: pl.DataFrame, request: ProviderRequest) -> ParsedDocument:
        """Rows derived again from the stored body of one row of `captures`, by today's parser.

        Raises:
            ContractError: the body is lost, damaged or not plausible.
        """
        row = capture.row(0, named=True)
        body = CaptureStore(self.lake).body(row["source"], row["body_sha256"])
        known = Capture(
            zone=row["zone"],
            captured_at_utc=row["captured_at_utc"],
            first_utc=row["first_utc"],
            end_utc=row["end_utc"],
            is_backfill=row["is_backfill"],
        )
        return request.parse(body, known)

    def _provider(self, name: str, table: str, zone: str) -> Provider:
        if name not in self.providers:
            raise ConfigurationError(
                f"source {name!r} is not a live one: known are {', '.join(self.providers)}"
            )
        if table not in self.providers[name].tables(zone):
            raise ConfigurationError(f"{name} has no {table} for {zone}")
        return self.providers[name]

    def _tell(self, zone: str, message: str) -> None:
        _LOG.warning(message)
        self.warn(zone, message)

    def _rows(
        self,
        provider: Provider,
        table: str,
        zone: str,
        days: tuple[date, date],
        now: datetime,
        notes: _Notes,
    ) -> pl.DataFrame:
        """Rows of the table. Prices in another currency are kept as they came and handed on in EUR."""
        always = is_converted(table, zone)
        if not always and not may_be_converted(table, zone):
            return self._from(provider, table, zone, days, now, notes)
        new = find_contract(LOCAL_TABLE if always else table).empty()
        try:
            new = self._from(provider, table, zone, days, now, notes)
        except NotYetPublishedError:
            _LOG.info("%s of %s: nothing new in %s, what is held is converted", table, zone, LOCAL_TABLE)

        def fetch_rates(first: date, last: date) -> pl.DataFrame:
            ecb = self._provider("ecb", RATES_TABLE, zone)
            return self._from(ecb, RATES_TABLE, zone, (first, last), now, notes)

        if always:
            self.lake.append(LOCAL_TABLE, new, source=provider.name)
        try:
            euro = convert_held(
                self.lake,
                table=table,
                zone=zone,
                days=days,
                source=provider.name,
                now=now,
                fetch_rates=fetch_rates,
            )
        except NotYetPublishedError:
            if always or new.is_empty():
                raise
            return new
        return euro if always else pl.concat([new, euro])

    def _from(
        self,
        provider: Provider,
        table: str,
        zone: str,
        days: tuple[date, date],
        now: datetime,
        notes: _Notes,
    ) -> pl.DataFrame:
        frames: list[pl.DataFrame] = []
        pending: list[str] = []
        refused: list[ContractError] = []
        for first, last, is_backfill in spans(table, zone, days, now, provider.span_days(table)):
            try:
                rows = self._span(
                    provider, table, zone, (first, last), notes, is_backfill=is_backfill, before=frames
                )
            except NotYetPublishedError as error:
                pending.append(str(error))
                continue
            except ContractError as error:
                refused.append(error)
                continue
            frames.append(rows)
        frames = [frame for frame in frames if frame.height]
        if refused and not frames:
            raise refused[-1]
        notes.failures += [str(error) for error in refused]
        if not frames:
            raise NotYetPublishedError(
                "; ".join(pending[-2:])
                or f"{provider.name} has no new {table} of {zone} for {days[0]} to {days[1]} that is new"
            )
        return pl.concat(frames)

    def _keep_local(
        self, provider: Provider, zone: str, days: tuple[date, date], parsed: Sequence[ParsedDocument]
    ) -> None:
        """Keep the settlement prices that came in another currency; they are converted afterwards."""
        found = [document.tables[LOCAL_TABLE] for document in parsed if LOCAL_TABLE in document.tables]
        if found:
            held = self.lake.read(LOCAL_TABLE, zones=[zone], first_day=days[0], last_day=days[1]).filter(
                pl.col("source") == provider.name
            )
            rows, contract = pl.concat(found).unique(maintain_order=True), find_contract(LOCAL_TABLE)
            kept = select_revisions(rows, held, contract, utc_now())
            self.lake.append(LOCAL_TABLE, kept, source=provider.name)

    def _span(
        self,
        provider: Provider,
        table: str,
        zone: str,
        days: tuple[date, date],
        notes: _Notes,
        *,
        is_backfill: bool,
        before: Sequence[pl.DataFrame],
    ) -> pl.DataFrame:
        """Ask for one span, keep every answer, and judge the rows of all answers together."""
        asking = Asking(self.lake, self.client, self.clock_problem)
        parsed: list[ParsedDocument] = []
        for request in provider.requests(table, zone, *days):
            document = asking.ask(provider, request, zone, is_backfill=is_backfill)
            if document is not None:
                parsed.append(document)
        stored = LOCAL_TABLE if is_converted(table, zone) else table
        contract = find_contract(stored)
        found = [document.tables[stored] for document in parsed if stored in document.tables]
        for document in parsed:
            self.lake.quarantine(stored, document.rejected, source=provider.name)
            notes.note_refused(provider.name, document.rejected)
        if may_be_converted(table, zone):
            self._keep_local(provider, zone, days, parsed)
        if not found:
            words = (
                "; ".join(sorted({document.no_data for document in parsed if document.no_data})) or "no rows"
            )
            raise NotYetPublishedError(
                f"{provider.name} has no {table} of {zone} for {days[0]} to {days[1]}: {words}"
            )
        rows = pl.concat(found).unique(list(contract.key), keep="first", maintain_order=True)
        held = self.lake.read(stored, zones=[zone], first_day=days[0] - HISTORY, last_day=days[1]).filter(
            pl.col("source") == provider.name
        )
        history = pl.concat([held.filter(pl.col("delivery_day") < days[0]), *before])
        verdict = assess_plausibility(stored, rows, history)
        self.lake.quarantine(stored, verdict.quarantined, source=provider.name)
        notes.note_refused(provider.name, verdict.quarantined)
        if verdict.is_refused:
            reasons = verdict.quarantined["reason"].value_counts(sort=True).head(2).rows()
            raise ContractError(
                f"{provider.name} {table} of {zone} for {days[0]} to {days[1]} is refused: {reasons}"
            )
        captured = rows.filter(pl.col("availability") != "stated")["available_at_utc"].max()
        revised = select_revisions(
            verdict.accepted,
            held,
            contract,
            utc_now() if captured is None or is_backfill else captured,  # type: ignore[arg-type]
        )
        notes.flags += [
            f"{flag} on {start:%Y-%m-%d} in {zone}"
            for start, flag in verdict.flags.select("delivery_start_utc", "flag").iter_rows()
        ]
        return revised
