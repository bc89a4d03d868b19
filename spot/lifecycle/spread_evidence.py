"""Losses of the forecasts that versions of the spread model made in the shadow."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta

import numpy as np
import polars as pl

from spot.arrays import Floats
from spot.contracts.forecast_tables import QUANTILE_COLUMNS
from spot.contracts.spread_tables import SPREAD_QUANTILE_COLUMNS
from spot.market.clock import clock_slots
from spot.market.delivery import delivery_starts_utc
from spot.risk.outcomes import zone_outcomes
from spot.strategy.spread.inputs import SpreadPast, spread_past
from spot.strategy.spread.sources import spreads_after
from spot.strategy.spread.training_rows import pinball_loss

_SURE_AFTER_DAYS = 7
"""Days after delivery from which no second price is expected any more. Units of thin markets that had no
trade never get one, and a week is later than any publication. Chosen by hand; not tuned.
"""


def scored_spreads(
    forecasts: pl.DataFrame, raw: Mapping[str, pl.DataFrame], *, zone: str, as_of_utc: datetime
) -> pl.DataFrame:
    """Rows of `spread_forecasts` of one zone and second price with `spread_eur_per_mwh`, the outcome.

    A day counts when all of its spreads were known at the instant. It also counts a week after delivery when
    nine tenths are known, because the rest will not come. So a day has the same outcome whenever it is asked
    for.

    Args:
        forecasts: rows under the contract.
        raw: the price tables, all vintages, of the forecast days.
        zone: bidding zone.
        as_of_utc: prices published later do not count.
    """
    parts = [forecasts.clear().with_columns(spread_eur_per_mwh=pl.lit(None, pl.Float64))]
    by = ("resolution_minutes", "settled_against")
    for (minutes, against), rows in forecasts.partition_by(by, as_dict=True).items():
        outcomes = zone_outcomes(raw, zone=zone, settled_against=against, as_of_utc=as_of_utc)
        past = spread_past(outcomes, zone=zone, minutes=minutes)
        whole = rows.filter(pl.col("delivery_day").is_in(_settled_days(past, as_of_utc)))
        for (day,), part in whole.partition_by(["delivery_day"], as_dict=True).items():
            units = _units(zone, day, minutes)
            truth = units.select("delivery_start_utc", spread_eur_per_mwh=spreads_after(past, units))
            parts.append(part.join(truth, on="delivery_start_utc", how="left"))
    return pl.concat(parts)


def _settled_days(past: SpreadPast, as_of_utc: datetime) -> list[date]:
    """Days whose spreads will not change any more."""
    missing = np.isfinite(past.prices) & ~np.isfinite(past.spreads)
    old = as_of_utc.date() - timedelta(days=_SURE_AFTER_DAYS)
    return [
        day
        for day, at, is_missing in zip(past.days, past.spread_known_us, missing, strict=True)
        if np.isfinite(at) and (day < old or not is_missing.any())
    ]


def daily_spread_losses(scored: pl.DataFrame, days: Sequence[date]) -> Floats:
    """(D,) mean pinball loss of one version's scored rows by day, EUR/MWh; NaN on days without any."""
    losses = {
        key[0]: pinball_loss(
            part.select(*SPREAD_QUANTILE_COLUMNS.values()).to_numpy(),
            part["spread_eur_per_mwh"].fill_null(np.nan).to_numpy(),
        )
        for key, part in scored.sort("delivery_start_utc").partition_by("delivery_day", as_dict=True).items()
    }
    return np.array([losses.get(day, np.nan) for day in days], dtype=np.float64)


def as_scored(scored: pl.DataFrame) -> pl.DataFrame:
    """Rows of `scored_spreads` under the names that `compare_versions` reads.

    The middle quantile is the point.
    """
    names = {SPREAD_QUANTILE_COLUMNS[level]: name for level, name in QUANTILE_COLUMNS.items()}
    return scored.rename({**names, "spread_eur_per_mwh": "price_eur_per_mwh"}).with_columns(
        price_point_eur_per_mwh=pl.col(QUANTILE_COLUMNS[0.5])
    )


def _units(zone: str, day: date, minutes: int) -> pl.DataFrame:
    """The units of a day with their place on the local clock."""
    return pl.DataFrame(
        {
            "delivery_day": day,
            "delivery_start_utc": list(delivery_starts_utc(zone, day, minutes)),
            "slot_minutes_local": clock_slots(zone, day, minutes) * float(minutes),
        }
    ).with_columns(pl.col("delivery_start_utc").cast(pl.Datetime("us", "UTC")))
