"""Drift of features, prices and forecasts, one column at a time and all together, over NannyML.

NannyML alone answers "no drift" when its reference is empty, constant or all null. Here such a column is `cannot_see`, and so is the
verdict: a monitor that is blind is an alarm of its own. Method: Wasserstein (or another) distance of each chunk of days to the reference,
threshold from the spread of the reference's own chunks; and PCA reconstruction error for drift of the columns together (NannyML
documentation, "Univariate drift detection" and "Data reconstruction with PCA").
"""

from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

import polars as pl

from spot.monitoring.settings import DriftSettings

Status = Literal["ok", "alert", "cannot_see"]
RECONSTRUCTION = "all columns together"
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
    """One row per column and method under `FEATURE_SCHEMA`: distance of the newest chunk, its threshold, status, reason."""
    first_day: date | None
    last_day: date | None
    n_reference_days: int


def assess_drift(reference: pl.DataFrame, analysis: pl.DataFrame, settings: DriftSettings) -> DriftVerdict:
    """Compare the newest days with reference days.

    Args:
        reference: daily profile (`delivery_day` and Float64 columns), as `profiles.reference_days` selects it.
        analysis: daily profile of the days to judge, the same columns; the newest `chunk_days` are the verdict's window, the ones before it
            confirm when `n_confirming_chunks` asks for it.
        settings: thresholds.
    """
    columns = [name for name in reference.columns if name != "delivery_day"]
    judged = analysis.sort("delivery_day").tail(settings.chunk_days * settings.n_confirming_chunks)
    window = judged.tail(settings.chunk_days)
    blind = _whole_blindness(reference, window, columns, settings)
    if blind:
        return _verdict("cannot_see", (blind,), pl.DataFrame(schema=FEATURE_SCHEMA), reference, window)
    unseen = {name: text for name in columns if (text := _column_blindness(reference, judged, name, settings))}
    seen = [name for name in columns if name not in unseen]
    rows: list[dict[str, Any]] = [
        {"feature": name, "method": settings.method, "value": None, "threshold": None, "status": "cannot_see", "reason": text}
        for name, text in unseen.items()
    ]
    if seen:
        rows += _univariate(reference, judged, seen, settings)
    if len(seen) > 1:
        rows.append(_reconstruction(reference, judged, seen, settings))
    return _judge(pl.DataFrame(rows, schema=FEATURE_SCHEMA), reference, window, settings)


def _judge(features: pl.DataFrame, reference: pl.DataFrame, window: pl.DataFrame, settings: DriftSettings) -> DriftVerdict:
    alerting = features.filter(pl.col("status") == "alert")
    together = alerting.filter(pl.col("feature") == RECONSTRUCTION).height > 0
    unseen = features.filter(pl.col("status") == "cannot_see")
    texts = (*alerting["reason"].to_list(), *unseen["reason"].to_list())
    if together or alerting.height >= settings.n_alerting_features:
        return _verdict("alert", texts, features, reference, window)
    if unseen.height:
        return _verdict("cannot_see", texts, features, reference, window)
    return _verdict("ok", texts, features, reference, window)


def _verdict(status: Status, reasons: tuple[str, ...], features: pl.DataFrame, reference: pl.DataFrame, window: pl.DataFrame) -> DriftVerdict:
    days = window["delivery_day"] if "delivery_day" in window.columns and window.height else None
    return DriftVerdict(
        status=status,
        reasons=reasons,
        features=features,
        first_day=None if days is None else days[0],
        last_day=None if days is None else days[-1],
        n_reference_days=reference.height,
    )


def _whole_blindness(reference: pl.DataFrame, window: pl.DataFrame, columns: list[str], settings: DriftSettings) -> str:
    if not columns:
        return "cannot see: no column to watch"
    if window.is_empty():
        return "cannot see: no rows to judge"
    if window.height < settings.chunk_days:
        return f"cannot see: {window.height} days to judge, {settings.chunk_days} needed"
    if reference.height < settings.reference.minimum_days:
        return f"cannot see: reference of {reference.height} days, {settings.reference.minimum_days} needed"
    return ""


def _column_blindness(reference: pl.DataFrame, judged: pl.DataFrame, name: str, settings: DriftSettings) -> str:
    if name not in judged.columns:
        return f"cannot see {name}: not among the judged columns"
    limit = settings.maximum_missing_share
    for which, frame in (("reference", reference), ("judged days", judged)):
        missing = frame[name].fill_nan(None).is_null().mean()
        share = 1.0 if missing is None else float(missing)  # type: ignore[arg-type]
        if share == 1.0:
            return f"cannot see {name}: all null in the {which}"
        if share > limit:
            return f"cannot see {name}: {share:.0%} missing in the {which}"
    if reference[name].fill_nan(None).drop_nulls().n_unique() < 2:
        return f"cannot see {name}: constant in the reference"
    return ""


def _with_context(reference: pl.DataFrame, judged: pl.DataFrame, columns: list[str], settings: DriftSettings) -> Any:
    """The judged days after enough reference days: NannyML warns below six chunks, and only the newest ones are read."""
    return _filled(pl.concat([reference.tail(settings.chunk_days * 6).select(columns), judged.select(columns)]), reference, columns)


def _filled(frame: pl.DataFrame, reference: pl.DataFrame, columns: list[str]) -> Any:
    """Pandas frame for NannyML; the few missing days take the reference's median, which moves no distance."""
    medians = {name: reference[name].fill_nan(None).median() for name in columns}
    return frame.select(pl.col(name).fill_nan(None).fill_null(medians[name]) for name in columns).to_pandas()


def _univariate(reference: pl.DataFrame, judged: pl.DataFrame, columns: list[str], settings: DriftSettings) -> list[dict[str, Any]]:
    from nannyml import UnivariateDriftCalculator
    from nannyml.thresholds import StandardDeviationThreshold

    limit = StandardDeviationThreshold(std_lower_multiplier=None, std_upper_multiplier=settings.threshold_standard_deviations)
    calculator = UnivariateDriftCalculator(
        column_names=columns, continuous_methods=[settings.method], chunk_size=settings.chunk_days, thresholds={settings.method: limit}
    )
    calculator.fit(_filled(reference, reference, columns))
    result = calculator.calculate(_with_context(reference, judged, columns, settings)).filter(period="analysis").to_df()
    rows = []
    for name in columns:
        values = result[(name, settings.method, "value")].to_numpy()
        threshold = float(result[(name, settings.method, "upper_threshold")].iloc[-1])
        rows.append(_row(name, settings.method, values, threshold, settings))
    return rows


def _reconstruction(reference: pl.DataFrame, judged: pl.DataFrame, columns: list[str], settings: DriftSettings) -> dict[str, Any]:
    from nannyml import DataReconstructionDriftCalculator
    from nannyml.thresholds import StandardDeviationThreshold

    limit = StandardDeviationThreshold(std_lower_multiplier=None, std_upper_multiplier=settings.reconstruction_standard_deviations)
    calculator = DataReconstructionDriftCalculator(column_names=columns, chunk_size=settings.chunk_days, threshold=limit)
    calculator.fit(_filled(reference, reference, columns))
    result = calculator.calculate(_with_context(reference, judged, columns, settings)).filter(period="analysis").to_df()
    values = result[("reconstruction_error", "value")].to_numpy()
    threshold = float(result[("reconstruction_error", "upper_threshold")].iloc[-1])
    return _row(RECONSTRUCTION, "pca_reconstruction", values, threshold, settings)


def _row(name: str, method: str, values: Any, threshold: float, settings: DriftSettings) -> dict[str, Any]:
    newest = values[-settings.n_confirming_chunks :]
    is_alert = len(newest) == settings.n_confirming_chunks and bool((newest > threshold).all())
    value = float(values[-1])
    reason = f"{name}: {method} {value:.4g} over {threshold:.4g}" if is_alert else ""
    return {"feature": name, "method": method, "value": value, "threshold": threshold, "status": "alert" if is_alert else "ok", "reason": reason}
