"""Drift of features, prices and forecasts, one column at a time and all together, with NannyML.

NannyML alone answers "no drift" when its reference is empty, constant or all null. Here such a column is
`cannot_see`, and so is the verdict, because a blind monitor is an alarm of its own. Method: the distance
(Wasserstein or another) of each chunk of days to the reference, with a threshold from the spread of the
reference's own chunks; and PCA reconstruction error for drift of the columns together (NannyML documentation,
"Univariate drift detection" and "Data reconstruction with PCA").
"""

import math
from dataclasses import dataclass
from datetime import date
from typing import Any

import polars as pl

from spot.contracts.words import Status
from spot.monitoring.drift_calculators import (
    RECONSTRUCTION,
    FittedDrift,
    fit_reconstruction,
    fit_univariate,
    reconstruction,
    univariate,
)
from spot.monitoring.settings import DriftSettings, ReferenceSettings

BEGAN = "share_of_days_not_zero"
"""Method of a column that was zero all through its reference."""
_BEGAN_SHARE = 0.5
"""Share of the judged days on which such a column is not zero before it counts. Chosen by hand."""
FEATURE_SCHEMA: dict[str, Any] = {
    "feature": pl.String,
    "method": pl.String,
    "value": pl.Float64,
    "threshold": pl.Float64,
    "status": pl.String,
    "reason": pl.String,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftVerdict:
    """Whether the newest days look like the reference days."""

    status: Status
    reasons: tuple[str, ...]
    features: pl.DataFrame
    """One row per column and method under `FEATURE_SCHEMA`: distance of the newest chunk, its threshold,
    status, reason.
    """
    first_day: date | None
    last_day: date | None
    n_reference_days: int


def assess_drift(reference: pl.DataFrame, analysis: pl.DataFrame, settings: DriftSettings) -> DriftVerdict:
    """Compare the newest days with reference days.

    Args:
        reference: daily profile (`delivery_day` and Float64 columns), as `profiles.reference_days` selects
            it.
        analysis: daily profile of the days to judge, the same columns; the newest `chunk_days` are the
            verdict's window, the ones before it
            confirm when `n_confirming_chunks` asks for it.
        settings: thresholds.
    """
    return judge_drift(fit_drift(reference, settings), analysis)


def fit_drift(
    reference: pl.DataFrame, settings: DriftSettings, *, threshold: float | None = None
) -> FittedDrift:
    """The calculators for a reference. A reference that cannot be used gives a fit that says so.

    `threshold` is a fixed limit of the distance, instead of one from the spread of the reference's own
    chunks.
    """
    columns = [name for name in reference.columns if name != "delivery_day"]
    idle = tuple(name for name in columns if _is_idle(reference, name, settings))
    blind = "" if columns else "cannot see: no column to watch"
    if not blind and reference.height < settings.reference.minimum_days:
        blind = f"cannot see: reference of {reference.height} days, {settings.reference.minimum_days} needed"
    unseen = (
        {}
        if blind
        else {
            name: text
            for name in columns
            if name not in idle
            if (text := _column_blindness(reference, name, "reference", settings))
        }
    )
    seen = [name for name in columns if name not in unseen and name not in idle]
    if blind or not seen:
        return FittedDrift(reference, settings, blind, unseen, idle, None, None)
    return FittedDrift(
        reference,
        settings,
        blind,
        unseen,
        idle,
        fit_univariate(reference, seen, settings, threshold),
        fit_reconstruction(reference, seen, settings),
    )


def judge_drift(fitted: FittedDrift, analysis: pl.DataFrame) -> DriftVerdict:
    """The verdict on the newest days of `analysis` (a daily profile) by a fitted reference."""
    settings, reference = fitted.settings, fitted.reference
    judged = analysis.sort("delivery_day").tail(settings.chunk_days * settings.n_confirming_chunks)
    window = judged.tail(settings.chunk_days)
    blind = fitted.blind or _window_blindness(window, settings)
    if blind:
        return _verdict("cannot_see", (blind,), _blind_rows(reference, blind), reference, window)
    unseen = dict(fitted.unseen)
    left_out = {"delivery_day", *unseen, *fitted.idle}
    learnt = [name for name in reference.columns if name not in left_out]
    unseen |= {
        name: text for name in learnt if (text := _column_blindness(judged, name, "judged days", settings))
    }
    rows: list[dict[str, Any]] = [
        {
            "feature": name,
            "method": settings.method,
            "value": None,
            "threshold": None,
            "status": "cannot_see",
            "reason": text,
        }
        for name, text in unseen.items()
    ]
    seen = [name for name in learnt if name not in unseen]
    if seen:
        rows += univariate(fitted, judged, learnt, seen)
    rows += [_began(judged, name) for name in fitted.idle]
    if seen == learnt and len(seen) > 1:
        rows.append(reconstruction(fitted, judged, seen))
    return _judge(pl.DataFrame(rows, schema=FEATURE_SCHEMA), reference, window, settings)


def _is_idle(reference: pl.DataFrame, name: str, settings: DriftSettings) -> bool:
    """Whether a column is known and zero on all days of the reference."""
    values = reference[name].fill_nan(None)
    known = values.drop_nulls()
    return known.len() >= (1.0 - settings.maximum_missing_share) * reference.height > 0 and bool(
        (known == 0.0).all()
    )


def _began(judged: pl.DataFrame, name: str) -> dict[str, Any]:
    """The row of a column that was zero all through the reference.

    It has drifted once it is not zero on more than half of the judged days.
    """
    is_running = judged[name].fill_nan(None).fill_null(0.0) != 0.0
    value = int(is_running.sum()) / max(judged.height, 1)
    is_alert = value > _BEGAN_SHARE
    reason = f"{name}: 0 on all days of the reference, now above 0 on {value:.0%} of the days"
    return {
        "feature": name,
        "method": BEGAN,
        "value": value,
        "threshold": _BEGAN_SHARE,
        "status": "alert" if is_alert else "ok",
        "reason": reason if is_alert else "",
    }


def nothing_to_watch(fitted: FittedDrift, analysis: pl.DataFrame) -> DriftVerdict:
    """The verdict on a zone that never had any of the watched columns: it says so, and is no drift.

    Days that are missing altogether are another matter: the monitor cannot see them.
    """
    window = analysis.sort("delivery_day").tail(fitted.settings.chunk_days)
    if blind := _window_blindness(window, fitted.settings):
        return _verdict(
            "cannot_see", (blind,), _blind_rows(fitted.reference, blind), fitted.reference, window
        )
    text = "nothing to watch: the zone has none of the watched inputs"
    rows = _blind_rows(fitted.reference, text).with_columns(status=pl.lit("ok"))
    return _verdict("ok", (text,), rows, fitted.reference, window)


def _blind_rows(reference: pl.DataFrame, reason: str) -> pl.DataFrame:
    """One row per column that could not be judged, or one row for all where there is no column."""
    names = [name for name in reference.columns if name != "delivery_day"] or [RECONSTRUCTION]
    rows = [
        {
            "feature": name,
            "method": None,
            "value": None,
            "threshold": None,
            "status": "cannot_see",
            "reason": reason,
        }
        for name in names
    ]
    return pl.DataFrame(rows, schema=FEATURE_SCHEMA)


def days_needed(window: ReferenceSettings, settings: DriftSettings) -> int:
    """Days that a column needs from its first one on, until drift of it can be judged against `window`."""
    reference = max(
        window.minimum_days, math.ceil((1.0 - settings.maximum_missing_share) * window.recent_days)
    )
    return reference + window.gap_days + settings.chunk_days * settings.n_confirming_chunks


def merge_verdicts(first: DriftVerdict, second: DriftVerdict, settings: DriftSettings) -> DriftVerdict:
    """Combine two verdicts on the same days, each with its own reference."""
    features = pl.concat([first.features, second.features])
    status, texts = status_of(features, settings)
    return DriftVerdict(
        status=status,
        reasons=tuple(dict.fromkeys(texts)),
        features=features,
        first_day=first.first_day or second.first_day,
        last_day=first.last_day or second.last_day,
        n_reference_days=max(first.n_reference_days, second.n_reference_days),
    )


def verdict_of_rows(
    rows: list[dict[str, Any]], *, window: pl.DataFrame, n_reference_days: int, settings: DriftSettings
) -> DriftVerdict:
    """The verdict that follows from rows under `FEATURE_SCHEMA`; `window` holds the judged days."""
    features = pl.DataFrame(rows, schema=FEATURE_SCHEMA)
    status, texts = status_of(features, settings)
    days = window["delivery_day"] if window.height else None
    return DriftVerdict(
        status=status,
        reasons=texts,
        features=features,
        first_day=None if days is None else days[0],
        last_day=None if days is None else days[-1],
        n_reference_days=n_reference_days,
    )


def _judge(
    features: pl.DataFrame, reference: pl.DataFrame, window: pl.DataFrame, settings: DriftSettings
) -> DriftVerdict:
    status, texts = status_of(features, settings)
    return _verdict(status, texts, features, reference, window)


def status_of(features: pl.DataFrame, settings: DriftSettings) -> tuple[Status, tuple[str, ...]]:
    """The status that follows from rows under `FEATURE_SCHEMA`, and the reasons, findings first."""
    alerting = features.filter(pl.col("status") == "alert")
    together = alerting.filter(pl.col("feature") == RECONSTRUCTION).height > 0
    unseen = features.filter(pl.col("status") == "cannot_see")
    young = features.filter(pl.col("status") == "too_young")
    texts = tuple(text for rows in (alerting, unseen, young) for text in rows["reason"].to_list())
    if together or alerting.height >= settings.n_alerting_features:
        return "alert", texts
    return ("cannot_see" if unseen.height else "too_young" if young.height else "ok"), texts


def _verdict(
    status: Status,
    reasons: tuple[str, ...],
    features: pl.DataFrame,
    reference: pl.DataFrame,
    window: pl.DataFrame,
) -> DriftVerdict:
    days = window["delivery_day"] if "delivery_day" in window.columns and window.height else None
    return DriftVerdict(
        status=status,
        reasons=reasons,
        features=features,
        first_day=None if days is None else days[0],
        last_day=None if days is None else days[-1],
        n_reference_days=reference.height,
    )


def _window_blindness(window: pl.DataFrame, settings: DriftSettings) -> str:
    if window.is_empty():
        return "cannot see: no rows to judge"
    if window.height < settings.chunk_days:
        return f"cannot see: {window.height} days to judge, {settings.chunk_days} needed"
    return ""


def _column_blindness(frame: pl.DataFrame, name: str, where: str, settings: DriftSettings) -> str:
    if name not in frame.columns:
        return f"cannot see {name}: not among the columns of the {where}"
    values = frame[name].fill_nan(None)
    share = values.null_count() / max(frame.height, 1)
    if share == 1.0:
        return f"cannot see {name}: all null in the {where}"
    if share > settings.maximum_missing_share:
        return f"cannot see {name}: {share:.0%} missing in the {where}"
    if where == "reference" and values.drop_nulls().n_unique() < 2:
        return f"cannot see {name}: constant in the reference"
    return ""
