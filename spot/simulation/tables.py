"""Rows of the simulated market under the raw contracts, each with the instant at which it was published."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl

from spot.arrays import Floats, Ints
from spot.contracts.table import UTC_INSTANT
from spot.errors import ConfigurationError
from spot.market.gates import gate_closure_utc
from spot.market.zones import find_zone
from spot.simulation.clock import MarketClock
from spot.simulation.noise import epoch_day
from spot.simulation.prices import Prices
from spot.simulation.scenarios import Scenario, faulty_readings
from spot.simulation.weather import ACTUAL, EARLY, LATE, Weather

SOURCE = "simulated"
LOAD_FORECAST_BEFORE_GATE = timedelta(hours=2, minutes=10)
"""At 09:50 where the gate closes at 12:00. Chosen by hand: after the early forecast of wind and solar."""
EARLY_RENEWABLES_BEFORE_GATE = timedelta(hours=2, minutes=30)
"""The desk's own forecast from the morning weather run: 09:30 where the gate closes at 12:00."""
LATE_RENEWABLES_AT = time(18)
"""Published on the day before delivery, market time: after the gate."""
RESULTS_AFTER_GATE = timedelta(minutes=55)
IDA1_RESULTS_AFTER_GATE = timedelta(minutes=20)
ACTUALS_AFTER_PERIOD = timedelta(hours=1)
IMBALANCE_AFTER_PERIOD = timedelta(hours=3)
"""Chosen by hand, of the size of real publications: after gate, auction or period."""
_ZERO = timedelta()


@dataclass(frozen=True, slots=True)
class _Series:
    table: str
    series: str
    column: str
    values: Floats
    available_minutes: Ints


def market_tables(
    clock: MarketClock, weather: Weather, prices: Prices, scenarios: Sequence[Scenario]
) -> dict[str, pl.DataFrame]:
    """All raw tables of one zone, name to frame, ordered by delivery start within series and vintage."""
    frame = _Frames(clock)
    results = frame.per_day([gate_closure_utc(clock.zone, day) + RESULTS_AFTER_GATE for day in clock.days])
    after = frame.after_period
    parts = [
        _Series("day_ahead_prices", "day_ahead", "price_eur_per_mwh", prices.day_ahead, results),
        *_load_series(clock, weather, scenarios, frame),
        *_generation_series(clock, weather, frame),
        _Series("intraday_prices", "vwap", "price_eur_per_mwh", prices.vwap, after(ACTUALS_AFTER_PERIOD)),
        _Series(
            "imbalance_prices",
            "imbalance",
            "price_eur_per_mwh",
            prices.imbalance,
            after(IMBALANCE_AFTER_PERIOD),
        ),
    ]
    tables: dict[str, list[pl.DataFrame]] = {}
    for part in parts:
        tables.setdefault(part.table, []).append(frame.rows(part))
    vwap = tables["intraday_prices"][0].with_columns(volume_mwh=pl.Series(np.round(prices.volume_mwh, 1)))
    tables["intraday_prices"] = [frame.ordered(vwap, "volume_mwh"), *_first_auction(clock, prices, frame)]
    return {name: pl.concat(frames) for name, frames in tables.items()}


def _load_series(
    clock: MarketClock, weather: Weather, scenarios: Sequence[Scenario], frame: "_Frames"
) -> list[_Series]:
    forecast, actual = weather.views[EARLY].load_mw, weather.views[ACTUAL].load_mw
    for scenario in scenarios:
        if scenario.name == "sensor_fault":
            numbers = (clock.epoch_days - epoch_day(scenario.start_day)).astype(np.float64)
            forecast, actual = (
                faulty_readings(forecast, numbers, scenario),
                faulty_readings(actual, numbers, scenario),
            )
    before_gate = frame.per_day(
        [gate_closure_utc(clock.zone, day) - LOAD_FORECAST_BEFORE_GATE for day in clock.days]
    )
    return [
        _Series("load_forecasts", "load", "load_forecast_mw", forecast, before_gate),
        _Series("load_actuals", "load", "load_mw", actual, frame.after_period(ACTUALS_AFTER_PERIOD)),
    ]


def _generation_series(clock: MarketClock, weather: Weather, frame: "_Frames") -> list[_Series]:
    early = frame.per_day(
        [gate_closure_utc(clock.zone, day) - EARLY_RENEWABLES_BEFORE_GATE for day in clock.days]
    )
    late = frame.per_day([_evening_before(clock.zone, day) for day in clock.days])
    known = {EARLY: early, LATE: late, ACTUAL: frame.after_period(ACTUALS_AFTER_PERIOD)}
    parts = []
    for name, available in known.items():
        view = weather.views[name]
        table, column = (
            ("generation_actuals", "generation_mw")
            if name == ACTUAL
            else ("renewable_forecasts", "generation_forecast_mw")
        )
        series = {"solar": view.solar_mw, "wind": view.wind_mw}
        parts += [
            _Series(table, series_name, column, values, available) for series_name, values in series.items()
        ]
    return parts


def _first_auction(clock: MarketClock, prices: Prices, frame: "_Frames") -> list[pl.DataFrame]:
    """Results of the first intraday auction, on days and zones that have one."""
    known: dict[date, datetime] = {}
    for day in clock.days:
        try:
            known[day] = gate_closure_utc(clock.zone, day, "ida1") + IDA1_RESULTS_AFTER_GATE
        except ConfigurationError:
            continue
    if not known:
        return []
    available = frame.per_day([known.get(day, datetime(1970, 1, 1, tzinfo=UTC)) for day in clock.days])
    rows = frame.rows(_Series("intraday_prices", "ida1", "price_eur_per_mwh", prices.ida1, available))
    volume = pl.Series(np.round(0.25 * prices.volume_mwh, 1))
    return [
        frame.ordered(rows.with_columns(volume_mwh=volume), "volume_mwh").filter(
            pl.col("delivery_day").is_in(list(known))
        )
    ]


def _evening_before(zone: str, day: date) -> datetime:
    local = datetime.combine(
        day - timedelta(days=1), LATE_RENEWABLES_AT, tzinfo=ZoneInfo(find_zone(zone).market_time_zone)
    )
    return local.astimezone(UTC)


class _Frames:
    """Builds frames that share the columns of one clock."""

    def __init__(self, clock: MarketClock) -> None:
        self._clock = clock
        self._key = pl.DataFrame(
            {
                "delivery_day": pl.Series(clock.epoch_days.astype(np.int32)).cast(pl.Date),
                "delivery_start_utc": _instants(clock.start_minutes),
                "resolution_minutes": clock.resolution_minutes.astype(np.int32),
            }
        )

    def per_day(self, instants: Sequence[datetime]) -> Ints:
        """One instant per day as minutes since 1970, repeated for its periods."""
        return np.array([int(instant.timestamp()) // 60 for instant in instants], dtype=np.int64)[
            self._clock.day_row
        ]

    def after_period(self, delay: timedelta) -> Ints:
        """The end of each period plus a delay, minutes since 1970."""
        return self._clock.start_minutes + self._clock.resolution_minutes + int(delay / timedelta(minutes=1))

    def rows(self, part: _Series) -> pl.DataFrame:
        """One series of one table and vintage, prices to the cent and power to 0.1 MW."""
        decimals = 2 if part.column == "price_eur_per_mwh" else 1
        return self._key.select(
            pl.lit(self._clock.zone).alias("zone"),
            pl.lit(part.series).alias("series"),
            "delivery_day",
            "delivery_start_utc",
            "resolution_minutes",
            pl.Series(part.column, np.round(part.values, decimals) + 0.0),
            _instants(part.available_minutes).alias("available_at_utc"),
            pl.lit("stated").alias("availability"),
            pl.lit(SOURCE).alias("source"),
        )

    @staticmethod
    def ordered(rows: pl.DataFrame, extra: str) -> pl.DataFrame:
        """The extra value column stands right after the price, as in the contract."""
        names = [name for name in rows.columns if name != extra]
        position = names.index("price_eur_per_mwh") + 1
        return rows.select([*names[:position], extra, *names[position:]])


def _instants(minutes: Ints) -> pl.Series:
    return pl.Series(minutes * 60_000_000).cast(UTC_INSTANT)
