"""Is a day of values believable?

Rules on what providers get wrong: signs, units, swapped columns, frozen or invented values, shifted hours.

A day is judged against the four weeks before it. What breaks a rule is quarantined with its reason, the whole
day where the day as such is doubtful. Real extremes inside the limits pass and carry a flag. The thresholds
stand well outside what 4 years of recorded prices, loads and generation forecasts of 13 zones ever did;
`benchmarks/provider_faults.py` measures both sides.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl

from spot.arrays import Floats, Ints
from spot.contracts.table import TableContract
from spot.contracts.vintages import newest_vintage
from spot.errors import ContractError
from spot.market.clock import local_time
from spot.market.delivery import day_ahead_mtu_minutes, n_periods
from spot.market.price_limits import local_price_limits
from spot.sources.currencies import LOCAL_TABLE
from spot.sources.judging.series_past import Past, RollingPast, by_clock_hour, correlation, longest_run
from spot.sources.parsed import SOURCE_TABLES, value_column

WHOLE_DAY_TABLES = frozenset({"day_ahead_prices", LOCAL_TABLE, "load_forecasts", "renewable_forecasts"})
"""Published for whole delivery days at once: a day in part is a day damaged."""
JUDGED_TABLES = WHOLE_DAY_TABLES | {"load_actuals", "generation_actuals"}
_JUDGED_LOCALLY = "day_ahead"
"""Of prices in other currencies those of the auction are judged, in their own currency; the rest has no rules,
like every second price.
"""
REFUSED_SHARE = 0.05
"""A file or backfill of which more than this share is quarantined is refused as a whole."""
_SMALL_MW = 100.0
_INCOMPLETE = "incomplete or shifted"
_SPIKE_FACTOR = 2.0
_STAND_INS = (9999.0, 99999.0)
"""What some systems write for a missing load or generation; as prices they are real where the limits allow them."""


@dataclass(frozen=True, slots=True)
class Plausibility:
    """The verdict on rows of one table.

    The believable ones, the others with a `reason`, and what is worth a look.
    """

    accepted: pl.DataFrame
    quarantined: pl.DataFrame
    flags: pl.DataFrame
    """zone, series, delivery_start_utc, flag."""

    @property
    def quarantined_share(self) -> float:
        """Share of all rows that is quarantined, 0 to 1."""
        n_rows = self.accepted.height + self.quarantined.height
        return self.quarantined.height / n_rows if n_rows else 0.0

    @property
    def is_refused(self) -> bool:
        """So much is wrong that the rest is not believed either.

        A day that merely misses periods says nothing about its neighbours.
        """
        n_rows = self.accepted.height + self.quarantined.height
        n_wrong = self.quarantined.filter(~pl.col("reason").str.contains(_INCOMPLETE, literal=True)).height
        return n_wrong > REFUSED_SHARE * n_rows


@dataclass(frozen=True, slots=True, kw_only=True)
class _Day:
    """One delivery day of one series."""

    zone: str
    day: date
    kind: str
    resolution_minutes: int
    values: Floats
    hours: Ints
    """(N,) local clock hour of each period."""
    must_be_whole: bool

    @property
    def per_hour(self) -> int:
        return 60 // self.resolution_minutes


_Rule = Callable[[_Day, Past], str]


def assess_plausibility(table: str, frame: pl.DataFrame, history: pl.DataFrame | None = None) -> Plausibility:
    """Judge rows of a raw table, day by day and in order, each against `history` (rows of the same table) and the accepted days before it.

    Tables outside `JUDGED_TABLES` have no rules beyond their contract and pass.

    Raises:
        ContractError: the frame does not have the columns of the table.
    """
    contract = SOURCE_TABLES[table]
    _check_columns(frame, contract)
    if table not in JUDGED_TABLES or frame.is_empty():
        return Plausibility(frame, frame.clear().with_columns(reason=pl.lit("")), _no_flags())
    past_rows = frame.clear() if history is None else history.select(frame.columns)
    reasons: list[pl.DataFrame] = []
    flags: list[pl.DataFrame] = []
    for (zone, series), rows in frame.group_by("zone", "series", maintain_order=True):
        if table == LOCAL_TABLE and series != _JUDGED_LOCALLY:
            reasons.append(rows.with_columns(reason=pl.lit("")))
            continue
        before = past_rows.filter(pl.col("zone") == zone, pl.col("series") == series)
        for start_rows, row_reasons, flag in _judge_series(table, str(zone), str(series), rows, before):
            reasons.append(start_rows.with_columns(reason=pl.Series(row_reasons, dtype=pl.String)))
            if flag:
                flags.append(
                    start_rows.select("zone", "series", "delivery_start_utc")
                    .head(1)
                    .with_columns(flag=pl.lit(flag))
                )
    judged = _with_siblings(pl.concat(reasons))
    return Plausibility(
        judged.filter(pl.col("reason") == "").drop("reason"),
        judged.filter(pl.col("reason") != ""),
        pl.concat(flags) if flags else _no_flags(),
    )


def _with_siblings(judged: pl.DataFrame) -> pl.DataFrame:
    """Where one series of a day looks like another one, columns were swapped.

    None of that day's series is believed.
    """
    is_swapped = (
        pl.col("reason").str.contains("another series", literal=True).any().over("zone", "delivery_day")
    )
    doubtful = (pl.col("reason") == "") & is_swapped
    return judged.with_columns(
        reason=pl.when(doubtful)
        .then(pl.lit("beside a series that looks like another one"))
        .otherwise(pl.col("reason"))
    )


def _judge_series(
    table: str, zone: str, series: str, rows: pl.DataFrame, before: pl.DataFrame
) -> Iterator[tuple[pl.DataFrame, list[str], str]]:
    past = RollingPast()
    kind = _kind(table, series)
    for _, part in _days(newest_vintage(before, by=["delivery_start_utc"]), zone):
        past.add(by_clock_hour(part[value_column(table)].to_numpy(), part["_hour"].to_numpy()))
    judged_day: tuple[date, Floats] | None = None
    for day, part in _vintages(rows, zone):
        if judged_day is not None and judged_day[0] != day:
            # A day counts once in the past, by its last vintage.
            past.add(judged_day[1])
            judged_day = None
        values, hours = part[value_column(table)].to_numpy(), part["_hour"].to_numpy().astype(np.int64)
        subject = _Day(
            zone=zone,
            day=day,
            kind=kind,
            resolution_minutes=int(part["resolution_minutes"][0]),
            values=values,
            hours=hours,
            must_be_whole=table in WHOLE_DAY_TABLES,
        )
        known = past.summary()
        reason = _judge_day(subject, part, known)
        row_reasons = [reason] * len(values) if reason else _judge_rows(subject, known)
        if not reason:
            kept = np.array([not text for text in row_reasons])
            judged_day = (day, by_clock_hour(values[kept], hours[kept]))
        yield part.drop("_hour"), row_reasons, "" if reason else _flag(subject, known)


def _days(rows: pl.DataFrame, zone: str) -> Iterator[tuple[date, pl.DataFrame]]:
    local = local_time(zone)
    ordered = rows.sort("delivery_start_utc", "available_at_utc").with_columns(
        local.dt.hour().cast(pl.Int64).alias("_hour")
    )
    for part in ordered.partition_by("delivery_day", maintain_order=True):
        yield part["delivery_day"][0], part


def _vintages(rows: pl.DataFrame, zone: str) -> Iterator[tuple[date, pl.DataFrame]]:
    """The days of `rows`.

    A day that was forecast several times comes once for each, since each is a day of its own to judge.
    """
    for day, part in _days(rows, zone):
        if part["delivery_start_utc"].is_duplicated().any() and part["available_at_utc"].n_unique() > 1:
            yield from (
                (day, vintage) for vintage in part.partition_by("available_at_utc", maintain_order=True)
            )
        else:
            yield day, part


def _judge_day(day: _Day, part: pl.DataFrame, past: Past | None) -> str:
    """Why the whole day is doubtful, empty where it is not."""
    if part["resolution_minutes"].n_unique() > 1:
        return "periods of several lengths on one day"
    if part["delivery_start_utc"].is_duplicated().any():
        return "a period is given twice"
    if day.kind == "price" and day.resolution_minutes != (mtu := day_ahead_mtu_minutes(day.zone, day.day)):
        return f"periods of {day.resolution_minutes} minutes where the auction of that day has {mtu}"
    n_expected = n_periods(day.zone, day.day, day.resolution_minutes)
    if day.must_be_whole and len(day.values) != n_expected:
        return f"{len(day.values)} of {n_expected} periods of the day: {_INCOMPLETE}"
    rules: tuple[_Rule, ...] = _DAY_RULES[day.kind]
    if past is None or len(day.values) * day.resolution_minutes < 6 * 60:
        rules = ()
    return next(
        (reason for rule in rules if past is not None and (reason := rule(day, past))), ""
    ) or _frozen(day, past)


def _frozen(day: _Day, past: Past | None) -> str:
    """The same value for hours: real for the sun at night and for prices at zero, not for anything else."""
    n_equal, first, is_last = longest_run(day.values)
    hours, value = n_equal / day.per_hour, float(day.values[first])
    if day.kind == "price":
        limits = local_price_limits(day.zone, day.day)
        if value in (limits.minimum, limits.maximum):
            return ""
        longest = 16.0 if value == 0.0 else 10.0
        trailing = (
            is_last
            and hours >= 5.0
            and len(day.values) == n_periods(day.zone, day.day, day.resolution_minutes)
        )
        return (
            f"{value:g} for {hours:g} hours: frozen, or filled after a cut"
            if hours >= longest or trailing
            else ""
        )
    if day.kind == "load":
        return f"{value:g} for {hours:g} hours: frozen" if hours >= 4.0 else ""
    if past is None or past.maximum < _SMALL_MW or value == 0.0:
        return ""
    is_high = (
        day.kind == "wind" and value > 0.97 * past.maximum
    )  # a wind farm at its rated power is constant in earnest
    limit = 6.0 if day.kind == "wind" else 4.0
    return (
        f"{value:g} for {hours:g} hours: frozen"
        if hours >= limit and value > 0.01 * past.maximum and not is_high
        else ""
    )


def _flipped(day: _Day, past: Past) -> str:
    """Prices that fit the past week better with the opposite sign, or run against its shape."""
    hourly = by_clock_hour(day.values, day.hours)
    seen = ~np.isnan(hourly) & ~np.isnan(past.profile)
    x, profile = hourly[seen], past.profile[seen]
    as_given, turned = float(np.abs(x - profile).mean()), float(np.abs(-x - profile).mean())
    if turned < 0.75 * as_given or correlation(x, profile) < -0.6:
        return "prices fit the week before better with the opposite sign"
    return ""


def _price_scale(day: _Day, past: Past) -> str:
    """A thousandfold of prices so small that the limits do not catch it."""
    hourly = by_clock_hour(day.values, day.hours)
    seen = ~np.isnan(hourly) & ~np.isnan(past.profile)
    error = float(np.abs(hourly[seen] - past.profile[seen]).mean())
    scaled = float(np.abs(hourly[seen] / 1000.0 - past.profile[seen]).mean())
    size = float(np.abs(day.values).max())
    return (
        "prices look like a thousandfold"
        if size > 8.0 * max(past.maximum, 20.0) and scaled < 0.1 * error
        else ""
    )


def _load_shape(day: _Day, past: Past) -> str:
    hourly = by_clock_hour(day.values, day.hours)
    seen = ~np.isnan(hourly) & ~np.isnan(past.profile)
    if seen.sum() < 20:
        return ""
    x, profile = hourly[seen], past.profile[seen]
    if correlation(x, profile) < -0.3:
        return "load runs against the shape of the week before"
    # A forecast that is shifted no longer fills its day and is caught by that; only an actual may be a day in
    # part.
    return "" if day.must_be_whole else _shift(x, profile, 0.2)


def _shift(x: Floats, profile: Floats, factor: float) -> str:
    """One hour early or late fits the past much better than as given.

    Level and spread are taken out first.
    """

    def error(a: Floats, b: Floats) -> float:
        return float(np.mean(((a - a.mean()) / (a.std() + 1e-9) - (b - b.mean()) / (b.std() + 1e-9)) ** 2))

    here = error(x[1:-1], profile[1:-1])
    beside = min(error(x[1:-1], profile[:-2]), error(x[1:-1], profile[2:]))
    return (
        "values fit the week before one hour earlier or later: shifted"
        if here > 0.03 and beside < factor * here
        else ""
    )


def _solar_shape(day: _Day, past: Past) -> str:
    if past.maximum < _SMALL_MW:
        return ""
    at_night = past.hour_maximum[day.hours] <= 0.0
    if (day.values[at_night] > 0.15 * past.maximum).sum() >= day.per_hour:
        return "generation by night: another series, or shifted"
    at_noon = past.profile[day.hours] > 0.2 * past.maximum
    if at_noon.any() and (day.values[at_noon] == 0.0).sum() >= 2 * day.per_hour:
        return "zero at noon: not published, or another series"
    return ""


def _wind_shape(day: _Day, past: Past) -> str:
    if past.maximum < _SMALL_MW or past.zero_share > 0.01:
        return ""
    return (
        "zeros for hours: not published, or another series"
        if (day.values == 0.0).sum() >= 3 * day.per_hour
        else ""
    )


def _too_high(day: _Day, past: Past) -> str:
    factor = {"load": 1.8, "solar": 4.0, "wind": 3.0}[day.kind]
    n_above = int((day.values > factor * max(past.maximum, _SMALL_MW / 2)).sum())
    return (
        f"{n_above} values above {factor:g} times the maximum of four weeks: unit or scale"
        if n_above > day.per_hour
        else ""
    )


def _too_low(day: _Day, past: Past) -> str:
    n_below = int((day.values < 0.35 * past.minimum).sum())
    return (
        f"{n_below} values far below the minimum of four weeks: not published, unit or scale"
        if n_below > day.per_hour
        else ""
    )


_DAY_RULES: dict[str, tuple[_Rule, ...]] = {
    "price": (_flipped, _price_scale),
    "load": (_too_high, _too_low, _load_shape),
    "solar": (_too_high, _solar_shape),
    "wind": (_too_high, _wind_shape),
}


def _judge_rows(day: _Day, past: Past | None) -> list[str]:
    """Single values that stand alone, up or down, further than the series ever moved."""
    reasons = [""] * len(day.values)
    if day.kind == "price":
        limits = local_price_limits(day.zone, day.day)
        outside = (day.values < limits.minimum) | (day.values > limits.maximum)
        return ["beyond the harmonised clearing price limits of the day" if bad else "" for bad in outside]
    if past is None or past.maximum < _SMALL_MW:
        return reasons
    floor = 0.35 * past.minimum if day.kind == "load" else -0.05 * past.maximum
    ceiling = {"load": 1.8, "solar": 4.0, "wind": 3.0}[day.kind] * past.maximum
    padded = (
        np.concatenate((day.values[1:2], day.values, day.values[-2:-1]))
        if len(day.values) > 1
        else np.repeat(day.values, 3)
    )
    before, after = padded[:-2], padded[2:]
    alone = np.minimum(np.abs(day.values - before), np.abs(day.values - after)) * np.sign(
        (day.values - before) * (day.values - after)
    )
    limit = 1.5 * past.maximum_step + 0.02 * past.maximum
    for at in np.flatnonzero((day.values < floor) | (day.values > ceiling) | (alone > limit)):
        reasons[at] = "stands alone, far from the values beside it and from four weeks"
    for at in np.flatnonzero(np.isin(np.abs(day.values), _STAND_INS)):
        reasons[at] = "a number that stands for a missing value"
    return reasons


def _flag(day: _Day, past: Past | None) -> str:
    if day.kind != "price" or past is None:
        return ""
    if float(day.values.max()) > _SPIKE_FACTOR * max(past.maximum, 50.0):
        return "price spike"
    return (
        "deep negative prices" if float(day.values.min()) < min(-100.0, _SPIKE_FACTOR * past.minimum) else ""
    )


def _kind(table: str, series: str) -> str:
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
