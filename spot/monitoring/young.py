"""Too young to be judged: a series, the forecasts or a version began recently, so a monitor lacks days.

That is no fault, and the only thing to do is wait. The verdict names the day from which it can judge. A
monitor that should see its input and does not is blind (`cannot_see`), which is a fault.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta

import polars as pl

from spot.contracts.words import Status
from spot.monitoring.data_quality import DataQualityVerdict
from spot.monitoring.drift import DriftVerdict, status_of
from spot.monitoring.performance import PerformanceVerdict
from spot.monitoring.settings import DataQualitySettings, DriftSettings

_WORST: tuple[Status, ...] = ("alert", "cannot_see", "too_young", "ok")


def youth(what: str, *, began: date, n_needed: int, last_day: date) -> str:
    """Why `what`, which needs `n_needed` days from its first one on, cannot be judged on `last_day`.

    Empty where it can.
    """
    judged_from = began + timedelta(days=n_needed - 1)
    if last_day >= judged_from:
        return ""
    return f"too young: {what} began on {began} and can be judged from {judged_from}"


def first_days(frame: pl.DataFrame) -> dict[str, date]:
    """Column to the first `delivery_day` with a value; columns without any are left out."""
    names = [name for name, dtype in frame.schema.items() if dtype.is_numeric()]
    found = frame.select(
        pl.col("delivery_day").filter(pl.col(name).fill_nan(None).is_not_null()).min().alias(name)
        for name in names
    )
    return {name: day for name, day in found.to_dicts()[0].items() if day is not None} if names else {}


def mark_young(
    rows: pl.DataFrame, began: Mapping[str, date], *, subject: str, n_needed: int, last_day: date
) -> pl.DataFrame:
    """The rows of a monitor, with `cannot_see` turned into `too_young` where the subject began recently.

    Args:
        rows: `status`, `reason` and `subject`, one row per verdict.
        began: first day of each subject.
        subject: the column of `rows` that names what was judged.
        n_needed: days that a verdict needs, the first and the judged ones included.
        last_day: newest judged day.
    """
    reasons = {
        name: text
        for name, first in began.items()
        if (text := youth(name, began=first, n_needed=n_needed, last_day=last_day))
    }
    return with_reasons(rows, rows[subject].replace_strict(reasons, default=None, return_dtype=pl.String))


def with_reasons(rows: pl.DataFrame, reasons: pl.Series) -> pl.DataFrame:
    """The rows, `cannot_see` turned into `too_young` with its reason wherever there is one."""
    is_young = (pl.col("status") == "cannot_see") & pl.col("young").is_not_null()
    return (
        rows.with_columns(young=reasons)
        .with_columns(
            status=pl.when(is_young).then(pl.lit("too_young")).otherwise("status"),
            reason=pl.when(is_young).then("young").otherwise("reason"),
        )
        .drop("young")
    )


def young_drift(
    verdict: DriftVerdict,
    began: Mapping[str, date],
    *,
    n_needed: int,
    last_day: date,
    settings: DriftSettings,
) -> DriftVerdict:
    """The verdict on drift, with columns that began recently marked as too young."""
    rows = mark_young(verdict.features, began, subject="feature", n_needed=n_needed, last_day=last_day)
    status, reasons = status_of(rows, settings)
    return replace(verdict, features=rows, status=status, reasons=reasons)


def young_columns(
    verdict: DriftVerdict, columns: Sequence[str], reason: str, settings: DriftSettings
) -> DriftVerdict:
    """The verdict on drift, with these columns marked as too young for `reason`."""
    is_young = pl.col("feature").is_in(list(columns))
    reasons = verdict.features.select(pl.when(is_young).then(pl.lit(reason))).to_series()
    rows = with_reasons(verdict.features, reasons)
    status, texts = status_of(rows, settings)
    return replace(verdict, features=rows, status=status, reasons=texts)


def young_quality(
    verdict: DataQualityVerdict, began: Mapping[str, date], *, last_day: date, settings: DataQualitySettings
) -> DataQualityVerdict:
    """The verdict on data quality, with series that began recently marked as too young."""
    n_needed = settings.minimum_reference_days + settings.judged_days
    rows = mark_young(verdict.checks, began, subject="series", n_needed=n_needed, last_day=last_day)
    if rows.is_empty():
        return verdict
    reasons = tuple(rows.filter(pl.col("status") != "ok")["reason"].to_list())
    return replace(verdict, checks=rows, status=worst_of(rows), reasons=reasons)


def young_performance(verdict: PerformanceVerdict, reason: str) -> PerformanceVerdict:
    """The verdict on performance, with errors that lack earlier days marked as too young."""
    is_error = verdict.metrics["metric"] == "mae"
    reasons = pl.select(pl.when(is_error).then(pl.lit(reason or None, dtype=pl.String))).to_series()
    rows = with_reasons(verdict.metrics, reasons)
    texts = tuple(text for text in rows["reason"].to_list() if text)
    return replace(verdict, metrics=rows, status=worst_of(rows), reasons=texts)


def worst_of(rows: pl.DataFrame) -> Status:
    """The worst status of rows with a `status`."""
    return next((status for status in _WORST if status in rows["status"]), "ok")
