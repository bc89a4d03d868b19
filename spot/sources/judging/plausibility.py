"""Whether a day of values is plausible.

The rules look for typical errors of providers: signs, units, swapped columns, frozen or invented values,
shifted hours.

A day is judged against the four weeks before it. Values that break a rule are quarantined with the reason,
the whole day where the day as such is doubtful. Real extremes inside the limits pass and carry a flag. The
thresholds lie well outside everything in 4 years of recorded prices, loads and generation forecasts of 13
zones. `benchmarks/faults/provider_faults.py` measures both sides.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl

from spot.arrays import Floats
from spot.contracts.table import TableContract
from spot.contracts.vintages import newest_vintage
from spot.errors import ContractError
from spot.market.clock import local_time
from spot.sources.currencies import LOCAL_TABLE
from spot.sources.judging.day_rules import find_flag, judge_day, judge_rows
from spot.sources.judging.judged_day import FaultKind, JudgedDay, Kind
from spot.sources.judging.series_past import RollingPast, by_clock_hour
from spot.sources.parsed import SOURCE_TABLES, value_column

WHOLE_DAY_TABLES = frozenset({"day_ahead_prices", LOCAL_TABLE, "load_forecasts", "renewable_forecasts"})
"""Tables whose values are published for whole delivery days at once. Half a day in them is a damaged day."""
JUDGED_TABLES = WHOLE_DAY_TABLES | {"load_actuals", "generation_actuals"}
_KIND = "_fault_kind"
_JUDGED_LOCALLY = "day_ahead"
"""Series that is judged among prices in other currencies: those of the auction, in their own currency. The
rest has no rules, like every second price.
"""
REFUSED_SHARE = 0.05
"""Share of quarantined rows above which a file or backfill is refused as a whole."""


@dataclass(frozen=True, slots=True)
class Plausibility:
    """The verdict on rows of one table.

    It holds the plausible rows, the others with a `reason`, and flags for people.
    """

    accepted: pl.DataFrame
    quarantined: pl.DataFrame
    flags: pl.DataFrame
    """zone, series, delivery_start_utc, flag."""
    n_incomplete: int = 0
    """Quarantined rows of days that only lack periods."""

    @property
    def quarantined_share(self) -> float:
        """Share of all rows that is quarantined, 0 to 1."""
        n_rows = self.accepted.height + self.quarantined.height
        return self.quarantined.height / n_rows if n_rows else 0.0

    @property
    def is_refused(self) -> bool:
        """Whether so much is wrong that the rest is not accepted either.

        A day that only lacks periods says nothing about its neighbours.
        """
        n_rows = self.accepted.height + self.quarantined.height
        return self.quarantined.height - self.n_incomplete > REFUSED_SHARE * n_rows


def assess_plausibility(table: str, frame: pl.DataFrame, history: pl.DataFrame | None = None) -> Plausibility:
    """Judge rows of a raw table, day by day and in order.

    Each day is judged against `history` (rows of the same table) and the accepted days before it. Tables
    outside `JUDGED_TABLES` have no rules beyond their contract and pass.

    Raises:
        ContractError: the frame does not have the columns of the table.
    """
    contract = SOURCE_TABLES[table]
    _check_columns(frame, contract)
    if table not in JUDGED_TABLES or frame.is_empty():
        return Plausibility(frame, frame.clear().with_columns(reason=pl.lit("")), _no_flags())
    past_rows = frame.clear() if history is None else history.select(frame.columns)
    judged: list[pl.DataFrame] = []
    flags: list[pl.DataFrame] = []
    for (zone, series), rows in frame.group_by("zone", "series", maintain_order=True):
        if table == LOCAL_TABLE and series != _JUDGED_LOCALLY:
            judged.append(_with_fault(rows, [""] * rows.height, None))
            continue
        before = past_rows.filter(pl.col("zone") == zone, pl.col("series") == series)
        for part, flag in _judge_series(table, str(zone), str(series), rows, before):
            judged.append(part)
            if flag:
                flags.append(
                    part.select("zone", "series", "delivery_start_utc")
                    .head(1)
                    .with_columns(flag=pl.lit(flag))
                )
    return _verdict(_with_siblings(pl.concat(judged)), flags)


def _with_fault(rows: pl.DataFrame, reasons: list[str], kind: FaultKind | None) -> pl.DataFrame:
    """The rows with the reason of each, and the kind of the fault of their day.

    The reason is empty where a row is accepted.
    """
    return rows.with_columns(
        pl.Series("reason", reasons, dtype=pl.String), pl.lit(kind, dtype=pl.String).alias(_KIND)
    )


def _open_day(rows: pl.DataFrame, reasons: list[str]) -> pl.DataFrame:
    """A day with refused values: the others are not wrong, but a day is whole or open."""
    beside = "beside a refused value: a day is whole or open"
    kinds = [FaultKind.VALUES if reason else FaultKind.INCOMPLETE for reason in reasons]
    return rows.with_columns(
        pl.Series("reason", [reason or beside for reason in reasons], dtype=pl.String),
        pl.Series(_KIND, kinds, dtype=pl.String),
    )


def _verdict(judged: pl.DataFrame, flags: list[pl.DataFrame]) -> Plausibility:
    is_good = pl.col("reason") == ""
    return Plausibility(
        accepted=judged.filter(is_good).drop("reason", _KIND),
        quarantined=judged.filter(~is_good).drop(_KIND),
        flags=pl.concat(flags) if flags else _no_flags(),
        n_incomplete=judged.filter(pl.col(_KIND) == FaultKind.INCOMPLETE).height,
    )


def _with_siblings(judged: pl.DataFrame) -> pl.DataFrame:
    """Refuse all series of a day on which one series looks like another: its columns were swapped."""
    is_swapped = (pl.col(_KIND) == FaultKind.OTHER_SERIES).any().over("zone", "delivery_day")
    doubtful = (pl.col("reason") == "") & is_swapped
    return judged.with_columns(
        reason=pl.when(doubtful)
        .then(pl.lit("beside a series that looks like another one"))
        .otherwise(pl.col("reason"))
    )


def _judge_series(
    table: str, zone: str, series: str, rows: pl.DataFrame, before: pl.DataFrame
) -> Iterator[tuple[pl.DataFrame, str]]:
    """The days of a series with their faults, and flags for people."""
    past = RollingPast()
    kind = _kind(table, series)
    for _, part in _days(newest_vintage(before, by=["delivery_start_utc"]), zone):
        past.add(by_clock_hour(part[value_column(table)].to_numpy(), part["_hour"].to_numpy()))
    judged_day: tuple[date, Floats] | None = None
    for day, part in _vintages(rows, zone):
        if judged_day is not None and judged_day[0] != day:
            # A day counts once in the past, with its last vintage.
            past.add(judged_day[1])
            judged_day = None
        values, hours = part[value_column(table)].to_numpy(), part["_hour"].to_numpy().astype(np.int64)
        subject = JudgedDay(
            zone=zone,
            day=day,
            kind=kind,
            resolution_minutes=int(part["resolution_minutes"][0]),
            values=values,
            hours=hours,
            must_be_whole=table in WHOLE_DAY_TABLES,
        )
        known = past.summary()
        fault = judge_day(subject, part, known)
        reasons = [fault.words] * len(values) if fault else judge_rows(subject, known)
        if fault is None:
            kept = np.array([not text for text in reasons])
            judged_day = (day, by_clock_hour(values[kept], hours[kept]))
        flag = find_flag(subject, known) if fault is None else ""
        if fault is None and table in WHOLE_DAY_TABLES and any(reasons):
            yield _open_day(part.drop("_hour"), reasons), flag
            continue
        yield _with_fault(part.drop("_hour"), reasons, fault.kind if fault else None), flag


def _days(rows: pl.DataFrame, zone: str) -> Iterator[tuple[date, pl.DataFrame]]:
    local = local_time(zone)
    ordered = rows.sort("delivery_start_utc", "available_at_utc").with_columns(
        local.dt.hour().cast(pl.Int64).alias("_hour")
    )
    for part in ordered.partition_by("delivery_day", maintain_order=True):
        yield part["delivery_day"][0], part


def _vintages(rows: pl.DataFrame, zone: str) -> Iterator[tuple[date, pl.DataFrame]]:
    """The days of `rows`.

    A day that was forecast several times comes once for each forecast, and each is judged.
    """
    for day, part in _days(rows, zone):
        if part["delivery_start_utc"].is_duplicated().any() and part["available_at_utc"].n_unique() > 1:
            yield from (
                (day, vintage) for vintage in part.partition_by("available_at_utc", maintain_order=True)
            )
        else:
            yield day, part


def _kind(table: str, series: str) -> Kind:
    if table in ("day_ahead_prices", LOCAL_TABLE):
        return "price"
    if table in ("load_forecasts", "load_actuals"):
        return "load"
    return "solar" if series == "solar" else "wind"


def _no_flags() -> pl.DataFrame:
    return pl.DataFrame(
        schema={
            "zone": pl.String,
            "series": pl.String,
            "delivery_start_utc": pl.Datetime("us", "UTC"),
            "flag": pl.String,
        }
    )


def _check_columns(frame: pl.DataFrame, contract: TableContract) -> None:
    if set(frame.columns) != set(contract.columns):
        raise ContractError(
            f"table {contract.name}: columns {frame.columns}, expected {list(contract.columns)}"
        )
