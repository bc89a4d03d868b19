"""Why a signal is what it is, as a table: what moved the forecast behind each unit, and the past days it resembles."""

from collections.abc import Mapping, Sequence
from datetime import date

import polars as pl

from spot.contracts.panel import Floats
from spot.contracts.signal_tables import SIGNAL_KEY, SIGNAL_REASONS
from spot.market.zones import find_zone

SIMILAR_DAYS = "similar days"
_INTEGER = pl.Int32


def signal_reasons(
    signals: pl.DataFrame, contributions: Mapping[str, Floats], similar_days: Sequence[tuple[date, float, float]] = (), *, n: int = 5
) -> pl.DataFrame:
    """Rows of `signal_reasons` for signals of one zone and day, largest contribution first.

    `contributions` is family of inputs to (24,) what it adds to each local clock hour, EUR/MWh (`spot.forecast.explain`); `similar_days` are
    (day, likeness 0 to 1, mean price), and take the last rank of every unit.
    """
    if signals.is_empty() or not (contributions or similar_days):
        return SIGNAL_REASONS.empty()
    local = pl.col("delivery_start_utc").dt.convert_time_zone(find_zone(signals["zone"][0]).market_time_zone)
    hourly = pl.DataFrame(
        [(hour, name, float(values[hour])) for name, values in contributions.items() for hour in range(len(values))],
        schema={"hour": pl.Int8, "feature": pl.String, "contribution_eur_per_mwh": pl.Float64},
        orient="row",
    ).filter(pl.col("contribution_eur_per_mwh").is_finite())
    keyed = signals.select("signal_id", "resolution_minutes", *SIGNAL_KEY, hour=local.dt.hour())
    ranked = (
        keyed.join(hourly, on="hour", how="inner")
        .with_columns(rank=pl.col("contribution_eur_per_mwh").abs().rank("ordinal", descending=True).over(SIGNAL_KEY).cast(_INTEGER))
        .filter(pl.col("rank") <= n)
        .with_columns(text=_words(pl.col("feature"), pl.col("contribution_eur_per_mwh")))
    )
    parts = [ranked.select(SIGNAL_REASONS.columns.keys())]
    if similar_days:
        text = "resembles " + ", ".join(f"{day} ({likeness:.0%} alike, mean {mean:.1f} EUR/MWh)" for day, likeness, mean in similar_days)
        likeness_row = keyed.with_columns(
            rank=pl.lit(n + 1, _INTEGER), feature=pl.lit(SIMILAR_DAYS), contribution_eur_per_mwh=pl.lit(0.0), text=pl.lit(text)
        )
        parts.append(likeness_row.select(SIGNAL_REASONS.columns.keys()))
    return pl.concat(parts).cast(SIGNAL_REASONS.schema).sort(SIGNAL_REASONS.key)  # type: ignore[arg-type]


def _words(feature: pl.Expr, value: pl.Expr) -> pl.Expr:
    verb = pl.when(value >= 0).then(pl.lit(" adds ")).otherwise(pl.lit(" takes off "))
    return pl.concat_str(feature, verb, value.abs().round(1).cast(pl.String), pl.lit(" EUR/MWh"))
