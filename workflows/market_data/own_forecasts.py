"""A zone's own forecasts of wind, solar and load from the weather run that is known before the gate."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

import polars as pl

from resources.lake.lake import Lake
from resources.settings.zones import ZoneSettings
from spot.errors import ForecastError
from spot.features.weather_regression import (
    SOURCE,
    FundamentalForecast,
    Quantity,
    as_rows,
    forecast_fundamental,
)
from spot.market.delivery import ZoneDays
from spot.market.gates import gate_closure_utc

TRAINING_DAYS = 365
"""Days that the own forecasts of wind, solar and load learn from: every season once."""
_TABLES: dict[Quantity, tuple[str, str]] = {
    "wind": ("renewable_forecasts", "generation_actuals"),
    "solar": ("renewable_forecasts", "generation_actuals"),
    "load": ("load_forecasts", "load_actuals"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnForecasts:
    """What was forecast and appended, and why some days have no forecast."""

    made: tuple[tuple[date, FundamentalForecast], ...]
    n_new: int
    gaps: tuple[str, ...]

    @property
    def n_rows(self) -> int:
        """Rows of all forecasts."""
        return sum(len(forecast.values_mw) for _, forecast in self.made)

    def summary(self) -> pl.DataFrame:
        """One row per day and quantity: size, training error, newest input."""
        rows = [
            {
                "day": day,
                "quantity": one.quantity,
                "mean_mw": float(one.values_mw.mean()),
                "training_hours": one.n_training_hours,
                "training_mae_mw": one.training_mae_mw,
                "newest_input_utc": one.newest_input_utc,
            }
            for day, one in self.made
        ]
        return pl.DataFrame(rows) if rows else pl.DataFrame()


def append_own_forecasts(
    span: ZoneDays, lake: Lake, settings: ZoneSettings, *, now: datetime
) -> OwnForecasts:
    """Forecast each day of the span with a model of its own, and append the rows to the published forecasts.

    Nothing happens where the zone has no forecasts of its own.
    """
    if not settings.own_forecasts:
        return OwnForecasts(made=(), n_new=0, gaps=())
    made, gaps = _forecasts(lake, settings, span.zone, span.days, now)
    appended = [
        lake.append(_TABLES[forecast.quantity][0], as_rows(forecast, day), source=SOURCE)
        for day, forecast in made
    ]
    return OwnForecasts(made=tuple(made), n_new=sum(report.n_new for report in appended), gaps=tuple(gaps))


def _forecasts(
    lake: Lake, settings: ZoneSettings, zone: str, days: tuple[date, ...], now: datetime
) -> tuple[list[tuple[date, FundamentalForecast]], list[str]]:
    first = days[0] - timedelta(days=TRAINING_DAYS)
    weather = lake.read("weather_forecasts", zones=[zone], first_day=first, last_day=days[-1])
    made: list[tuple[date, FundamentalForecast]] = []
    gaps: list[str] = []
    for quantity, (table, actual_table) in _TABLES.items():
        trusted = pl.col("source").is_in([name for name in settings.sources if name != SOURCE])
        actuals = lake.read(actual_table, zones=[zone], first_day=first, last_day=days[-1]).filter(trusted)
        published = lake.read(table, zones=[zone], first_day=days[0], last_day=days[-1]).filter(trusted)
        for day in days:
            as_of = min(now, gate_closure_utc(zone, day) - timedelta(minutes=settings.gate_lead_minutes))
            is_there = published.filter(
                pl.col("delivery_day") == day, pl.col("available_at_utc") <= as_of
            ).height
            if quantity == "load" and is_there:
                continue
            since = day - timedelta(days=TRAINING_DAYS)
            try:
                runs, outcomes = (
                    weather.filter(pl.col("delivery_day") >= since),
                    actuals.filter(pl.col("delivery_day") >= since),
                )
                made.append(
                    (day, forecast_fundamental(quantity, runs, outcomes, zone=zone, day=day, as_of_utc=as_of))
                )
            except ForecastError as error:
                gaps.append(str(error))
    return made, gaps
