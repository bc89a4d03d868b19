"""What monitors look at: wide frames of hourly series, their daily profiles, and the reference days of the same season.

A profile has one row per delivery day whatever the length of its market time unit, so neither a change of the MTU nor a
23-hour day looks like drift.
"""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta

import polars as pl

from spot.errors import ContractError
from spot.monitoring.settings import ReferenceSettings

_SEASON_STEP_DAYS = 364  # whole weeks, so that weekdays stay aligned from year to year


def widen_series(tables: Mapping[str, pl.DataFrame], *, names: Sequence[str] | None = None) -> pl.DataFrame:
    """One row per `delivery_day` and `delivery_start_utc`, one Float64 column `table.series` per raw series, newest vintage of each value.

    `names` selects tables; a series absent from an instant is null there. Tables at 15 minutes and at 60 keep their own instants.
    """
    parts = []
    for name, frame in tables.items():
        if (names is not None and name not in names) or frame.is_empty():
            continue
        value = next(column for column in frame.columns if column.endswith(("_mw", "_eur_per_mwh")))
        newest = frame.sort("available_at_utc").unique(["series", "delivery_start_utc"], keep="last")
        parts.append(
            newest.select(
                "delivery_day",
                "delivery_start_utc",
                pl.concat_str(pl.lit(f"{name}."), "series").alias("series"),
                pl.col(value).cast(pl.Float64).alias("value"),
            )
        )
    if not parts:
        return pl.DataFrame(schema={"delivery_day": pl.Date, "delivery_start_utc": pl.Datetime("us", "UTC")})
    tidy = pl.concat(parts)
    return tidy.pivot("series", index=["delivery_day", "delivery_start_utc"], values="value").sort("delivery_start_utc")


def daily_profile(frame: pl.DataFrame, *, columns: Sequence[str] | None = None) -> pl.DataFrame:
    """Mean and intraday spread (maximum less minimum) of every numeric column per `delivery_day`, ascending; NaN counts as missing.

    Raises:
        ContractError: the frame has no `delivery_day`.
    """
    if "delivery_day" not in frame.columns:
        raise ContractError("a daily profile needs a column delivery_day")
    wanted = [name for name, dtype in frame.schema.items() if dtype.is_numeric() and (columns is None or name in columns)]
    value = {name: pl.col(name).cast(pl.Float64).fill_nan(None) for name in wanted}
    statistics = [
        expression
        for name in wanted
        for expression in (value[name].mean().alias(f"{name}|mean"), (value[name].max() - value[name].min()).alias(f"{name}|spread"))
    ]
    return frame.group_by("delivery_day", maintain_order=True).agg(statistics).sort("delivery_day")


def reference_days(daily: pl.DataFrame, *, first_day: date, settings: ReferenceSettings, chunk_days: int = 7) -> pl.DataFrame:
    """The rows of `daily` that a judgement starting on `first_day` is compared with, oldest first.

    Days of the same season in earlier years and the days just before; each stretch is cut to whole chunks so that every chunk is made of
    neighbouring days.
    """
    end = first_day - timedelta(days=settings.gap_days)
    stretches = [(end - timedelta(days=settings.recent_days), end)]
    half = timedelta(days=settings.season_half_width_days)
    for year in range(1, settings.n_earlier_years + 1):
        middle = first_day - timedelta(days=_SEASON_STEP_DAYS * year)
        stretches.append((middle - half, min(middle + half, stretches[-1][0])))
    parts = []
    for start, stop in reversed(stretches):
        rows = daily.filter((pl.col("delivery_day") >= start) & (pl.col("delivery_day") < stop)).sort("delivery_day")
        parts.append(rows.tail(rows.height // chunk_days * chunk_days))
    return pl.concat(parts)
