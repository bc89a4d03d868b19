"""Layouts of the recorded market data files: which column of which file holds which series. Data, no logic.

The README and the `.md` beside each file describe it. Times are UTC, except in the open-access benchmark
(`epf_*`), whose naive local days have exactly 24 rows.
"""

from dataclasses import dataclass
from datetime import date
from fnmatch import fnmatch


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesColumn:
    """A column of a file and the series of a raw table that it holds."""

    column: str
    table: str
    series: str
    zone: str = ""
    """Zone of this column where a file has several; else that of the file."""
    zero_is_missing: bool = False
    """Whether the file has a zero where its source had no value."""
    volume_mw: str = ""
    """Column of the mean power traded in each period, for intraday prices."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FileLayout:
    """How to read the files whose names match `pattern`.

    Earlier layouts win where two files hold the same hour of a series.
    """

    pattern: str
    zone: str = ""
    """Zone of the whole file; empty where columns or rows name it."""
    resolution_minutes: int = 0
    """Length of every period; 0 where the column `resolution_min` states it."""
    is_naive_local: bool = False
    """The time column is `ts_local`, naive, 24 rows a day; else it is `ts_utc`."""
    is_daily: bool = False
    """The time column is `day`, a date in the market's time zone."""
    zones: tuple[tuple[str, str, date], ...] = ()
    """Names in the column `zone` that are not those of this project: the name, the zone that it means, and
    the last delivery day on which it does.
    """
    is_verified: bool = True
    """False for a file known to be damaged. It is read so that its refusal can say what is wrong."""
    columns: tuple[SeriesColumn, ...]


def _price(column: str = "price_eur_mwh", zone: str = "") -> SeriesColumn:
    return SeriesColumn(column=column, table="day_ahead_prices", series="day_ahead", zone=zone)


def _load(column: str, series: str = "load") -> SeriesColumn:
    return SeriesColumn(column=column, table="load_forecasts", series=series)


def _renewable(column: str, series: str) -> SeriesColumn:
    return SeriesColumn(column=column, table="renewable_forecasts", series=series)


def _benchmark(market: str, *columns: SeriesColumn) -> FileLayout:
    return FileLayout(
        pattern=f"epf_{market.lower()}",
        zone=f"EPF_{market}",
        resolution_minutes=60,
        is_naive_local=True,
        columns=(_price("price"), *columns),
    )


def _intraday(minutes: int, series: str) -> FileLayout:
    column = SeriesColumn(
        column="vwap_eur_mwh", table="intraday_prices", series=series, volume_mw="total_traded_mw"
    )
    return FileLayout(pattern=f"sk_idm{minutes}_*", zone="SK", resolution_minutes=minutes, columns=(column,))


_FRENCH = (_load("fr_load_forecast_mw"), _renewable("fr_generation_forecast_mw", "generation_total"))

LAYOUTS: tuple[FileLayout, ...] = (
    FileLayout(pattern="sk_da_*", zone="SK", columns=(_price("da_price_eur_mwh"),)),
    FileLayout(
        pattern="smard_da_price_15min_*",
        resolution_minutes=15,
        columns=tuple(_price(f"price_{zone.lower()}_eur_mwh", zone) for zone in ("DE_LU", "NL", "BE", "AT")),
    ),
    FileLayout(
        pattern="sk_load_hourly_*",
        zone="SK",
        resolution_minutes=60,
        columns=(
            _load("load_fc_mw"),
            SeriesColumn(column="load_actual_mw", table="load_actuals", series="load"),
        ),
    ),
    FileLayout(
        pattern="de_lu_hourly_*",
        zone="DE_LU",
        resolution_minutes=60,
        columns=(
            _price(),
            _load("load_fc_mw"),
            _renewable("wind_fc_mw", "wind"),
            _renewable("solar_fc_mw", "solar"),
            SeriesColumn(column="wind_actual_mw", table="generation_actuals", series="wind"),
            SeriesColumn(column="solar_actual_mw", table="generation_actuals", series="solar"),
        ),
    ),
    FileLayout(
        pattern="eu13_da_hourly_*",
        resolution_minutes=60,
        columns=(
            _price(),
            _load("load_fc_mw"),
            _renewable("solar_fc_mw", "solar"),
            _renewable("wind_onshore_fc_mw", "wind_onshore"),
            _renewable("wind_offshore_fc_mw", "wind_offshore"),
        ),
    ),
    FileLayout(
        pattern="eu6_with_ch_*",
        resolution_minutes=60,
        zones=(("DE", "DE_AT_LU", date(2018, 9, 30)), ("DE", "DE_LU", date.max)),
        columns=(
            _price(),
            SeriesColumn(column="load_fc_mw", table="load_forecasts", series="load", zero_is_missing=True),
            SeriesColumn(column="load_actual_mw", table="load_actuals", series="load", zero_is_missing=True),
            _renewable("solar_fc_mw", "solar"),
            _renewable("wind_onshore_fc_mw", "wind_onshore"),
            _renewable("wind_offshore_fc_mw", "wind_offshore"),
        ),
    ),
    FileLayout(
        pattern="fuels_daily_*",
        zone="DE_LU",
        resolution_minutes=60,
        is_daily=True,
        columns=(
            SeriesColumn(column="gas_vtp_eur_per_mwh", table="fuel_prices", series="gas_vtp"),
            SeriesColumn(column="eua_auction_eur_per_t", table="fuel_prices", series="eua_auction"),
            SeriesColumn(column="brent_usd_per_bbl", table="fuel_prices", series="brent"),
        ),
    ),
    _intraday(15, "vwap"),
    _intraday(60, "vwap_60"),
    FileLayout(
        pattern="sk_imbalance15_*",
        zone="SK",
        resolution_minutes=15,
        columns=(
            SeriesColumn(column="imbalance_settlement_price", table="imbalance_prices", series="imbalance"),
        ),
    ),
    FileLayout(
        pattern="be_da_imbalance15_*",
        zone="BE",
        resolution_minutes=15,
        columns=(
            _price("da_price_eur_mwh"),
            SeriesColumn(column="imbalance_price_eur_mwh", table="imbalance_prices", series="imbalance"),
        ),
    ),
    FileLayout(
        pattern="de_lu_price_mixed_BAD_*",
        zone="DE_LU",
        resolution_minutes=15,
        is_verified=False,
        columns=(_price("price_mixed_sequences_eur_mwh"),),
    ),
    _benchmark("NP", _load("load_forecast_mw"), _renewable("wind_forecast_mw", "wind")),
    _benchmark("PJM", _load("system_load_forecast_mw"), _load("comed_load_forecast_mw", "load_zone")),
    _benchmark("BE", *_FRENCH),
    _benchmark("FR", *_FRENCH),
    _benchmark("DE", _load("amprion_load_forecast_mw"), _renewable("pv_wind_forecast_mw", "wind_solar")),
)
"""In order of precedence. The exchange's own files come before SMARD, SMARD before collections of ENTSO-E
data.
"""

NOT_MARKET_DATA = ("epf_published_forecasts_*",)
"""Files of the same folder that hold forecasts of others for the benchmark, and no market data."""


def find_layout(name: str) -> FileLayout | None:
    """The layout of the file called `name` (without suffix), or None if it is not known."""
    if any(fnmatch(name, pattern) for pattern in NOT_MARKET_DATA):
        return None
    return next((layout for layout in LAYOUTS if fnmatch(name, layout.pattern)), None)
