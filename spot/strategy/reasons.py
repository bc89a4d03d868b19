"""Why a signal is what it is, as a table.

It shows what moved the forecast behind each unit, and the past days that the day resembles.

Contributions and prices are in EUR/MWh.
"""

from collections.abc import Mapping, Sequence
from datetime import date

import polars as pl

from spot.arrays import Floats
from spot.contracts.feature_tables import CALENDAR_FEATURES
from spot.contracts.signal_tables import SIGNAL_KEY, SIGNAL_REASONS
from spot.market.clock import local_time

SIMILAR_DAYS = "similar days"
SPREAD = "spread: "
"""Prefix of the name of an input that moved an expected spread and not the price."""
_CALENDAR = ("slot_minutes_local", "weekday", "year_sine", "year_cosine")
_INTEGER = pl.Int32


def signal_reasons(
    signals: pl.DataFrame,
    contributions: Mapping[str, Floats],
    similar_days: Sequence[tuple[date, float, float]] = (),
    *,
    n: int = 5,
) -> pl.DataFrame:
    """Rows of `signal_reasons` for signals of one zone and day, largest contribution first.

    `contributions` maps a family of inputs to (24,) its contribution to each local clock hour, EUR/MWh
    (`spot.forecast.explain`). `similar_days` are (day, similarity 0 to 1, mean price), and take the last rank
    of every unit.
    """
    if signals.is_empty() or not (contributions or similar_days):
        return SIGNAL_REASONS.empty()
    local = local_time(signals["zone"][0])
    hourly = pl.DataFrame(
        [
            (hour, name, float(values[hour]))
            for name, values in contributions.items()
            for hour in range(len(values))
        ],
        schema={"hour": pl.Int8, "feature": pl.String, "contribution_eur_per_mwh": pl.Float64},
        orient="row",
    ).filter(pl.col("contribution_eur_per_mwh").is_finite())
    keyed = signals.select("signal_id", "resolution_minutes", *SIGNAL_KEY, hour=local.dt.hour())
    parts = [_ranked(keyed.join(hourly, on="hour", how="inner"), n, digits=1)]
    if similar_days:
        text = "resembles " + ", ".join(
            f"{day} ({likeness:.0%} alike, mean {mean:.1f} EUR/MWh)" for day, likeness, mean in similar_days
        )
        likeness_row = keyed.with_columns(
            rank=pl.lit(n + 1, _INTEGER),
            feature=pl.lit(SIMILAR_DAYS),
            contribution_eur_per_mwh=pl.lit(0.0),
            text=pl.lit(text),
        )
        parts.append(likeness_row.select(SIGNAL_REASONS.columns.keys()))
    return pl.concat(parts).cast(SIGNAL_REASONS.schema).sort(SIGNAL_REASONS.key)


def spread_reasons(signals: pl.DataFrame, contributions: Mapping[str, Floats], *, n: int = 5) -> pl.DataFrame:
    """Rows of `signal_reasons` for signals that trade a spread, largest contribution first.

    The signals are those of one zone, day and strategy. `contributions` maps an input to (P,) its
    contribution to the expected spread of each unit (`spot.strategy.spread.model`). Inputs of one kind are
    summed and named with the prefix `SPREAD`.
    """
    if signals.is_empty() or not contributions:
        return SIGNAL_REASONS.empty()
    keyed = signals.sort("delivery_start_utc").select("signal_id", "resolution_minutes", *SIGNAL_KEY)
    rows = keyed.with_columns(pl.Series(name, values) for name, values in contributions.items())
    long = rows.unpivot(
        list(contributions), index=keyed.columns, variable_name="name", value_name="contribution_eur_per_mwh"
    )
    kinds = {name: SPREAD + _kind_of(name) for name in contributions}
    summed = (
        long.with_columns(feature=pl.col("name").replace_strict(kinds))
        .group_by(*keyed.columns, "feature", maintain_order=True)
        .agg(pl.col("contribution_eur_per_mwh").sum())
    )
    return _ranked(summed, n, digits=2).cast(SIGNAL_REASONS.schema).sort(SIGNAL_REASONS.key)


def _kind_of(name: str) -> str:
    """The plain name of an input of the model of the spread (`spot.strategy.spread.inputs`)."""
    if "spread_" in name:
        return "spreads of the days before"
    if name.startswith("price_"):
        return "prices of the days before"
    return "calendar and time of day" if name in CALENDAR_FEATURES or name in _CALENDAR else name


def _ranked(rows: pl.DataFrame, n: int, *, digits: int) -> pl.DataFrame:
    """The `n` largest contributions of each signal, in words with so many decimals."""
    return (
        rows.with_columns(
            rank=pl.col("contribution_eur_per_mwh")
            .abs()
            .rank("ordinal", descending=True)
            .over(SIGNAL_KEY)
            .cast(_INTEGER)
        )
        .filter(pl.col("rank") <= n)
        .with_columns(text=_words(pl.col("feature"), pl.col("contribution_eur_per_mwh"), digits))
        .select(SIGNAL_REASONS.columns.keys())
    )


def _words(feature: pl.Expr, value: pl.Expr, digits: int) -> pl.Expr:
    verb = pl.when(value >= 0).then(pl.lit(" adds ")).otherwise(pl.lit(" takes off "))
    return pl.concat_str(feature, verb, value.abs().round(digits).cast(pl.String), pl.lit(" EUR/MWh"))
