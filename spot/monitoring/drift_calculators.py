"""NannyML's calculators of drift, fitted on a reference and read as rows."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import polars as pl

from spot.monitoring.settings import DriftSettings

RECONSTRUCTION = "all columns together"


@dataclass(frozen=True, slots=True)
class FittedDrift:
    """A reference with NannyML's calculators fitted to it. It is fitted once and judges many days."""

    reference: pl.DataFrame
    settings: DriftSettings
    blind: str
    """Why this reference cannot judge anything; empty when it can."""
    unseen: dict[str, str]
    """Columns that the reference cannot judge, and why."""
    idle: tuple[str, ...]
    """Columns that were zero all through the reference: plants that did not exist yet."""
    univariate: Any
    reconstruction: Any


def filled(frame: pl.DataFrame, reference: pl.DataFrame, columns: list[str]) -> Any:
    """A pandas frame for NannyML. Missing days take the reference's median, which changes no distance.

    A column that is absent is null.
    """
    medians = {name: reference[name].fill_nan(None).median() for name in columns}
    there = [
        (pl.col(name) if name in frame.columns else pl.lit(None, dtype=pl.Float64))
        .cast(pl.Float64)
        .fill_nan(None)
        .fill_null(medians[name])
        .alias(name)
        for name in columns
    ]
    return frame.select(there).to_pandas()


@contextmanager
def few_chunks() -> Iterator[None]:
    """Silence NannyML's warning about few chunks.

    NannyML warns below six chunks because thresholds need them. Here a fitted reference judges one chunk.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="The resulting number of chunks is too low")
        yield


def fit_univariate(
    reference: pl.DataFrame, columns: list[str], settings: DriftSettings, threshold: float | None
) -> Any:
    """A calculator per column, fitted on the reference."""
    from nannyml import UnivariateDriftCalculator
    from nannyml.thresholds import ConstantThreshold, StandardDeviationThreshold

    spread = StandardDeviationThreshold(
        std_lower_multiplier=None, std_upper_multiplier=settings.threshold_standard_deviations
    )
    limit = spread if threshold is None else ConstantThreshold(upper=threshold)
    calculator = UnivariateDriftCalculator(
        column_names=columns,
        continuous_methods=[settings.method],
        chunk_size=settings.chunk_days,
        thresholds={settings.method: limit},
    )
    return calculator.fit(filled(reference, reference, columns))


def fit_reconstruction(reference: pl.DataFrame, columns: list[str], settings: DriftSettings) -> Any:
    """A calculator over all columns together, fitted on the reference.

    It reconstructs them by principal components.
    """
    from nannyml import DataReconstructionDriftCalculator
    from nannyml.thresholds import StandardDeviationThreshold

    if len(columns) < 2:
        return None
    limit = StandardDeviationThreshold(
        std_lower_multiplier=None, std_upper_multiplier=settings.reconstruction_standard_deviations
    )
    calculator = DataReconstructionDriftCalculator(
        column_names=columns, chunk_size=settings.chunk_days, threshold=limit
    )
    return calculator.fit(filled(reference, reference, columns))


def univariate(
    fitted: FittedDrift, judged: pl.DataFrame, learnt: list[str], seen: list[str]
) -> list[dict[str, Any]]:
    """One row per column: its newest distance from the reference, the threshold and the status."""
    method = fitted.settings.method
    with few_chunks():
        result = (
            fitted.univariate.calculate(filled(judged, fitted.reference, learnt))
            .filter(period="analysis")
            .to_df()
        )
    rows = []
    for name in seen:
        values = result[(name, method, "value")].to_numpy()
        threshold = float(result[(name, method, "upper_threshold")].iloc[-1])
        rows.append(row(name, method, values, threshold, fitted.settings))
    return rows


def reconstruction(fitted: FittedDrift, judged: pl.DataFrame, columns: list[str]) -> dict[str, Any]:
    """The row of all columns together."""
    with few_chunks():
        result = (
            fitted.reconstruction.calculate(filled(judged, fitted.reference, columns))
            .filter(period="analysis")
            .to_df()
        )
    values = result[("reconstruction_error", "value")].to_numpy()
    threshold = float(result[("reconstruction_error", "upper_threshold")].iloc[-1])
    return row(RECONSTRUCTION, "pca_reconstruction", values, threshold, fitted.settings)


def row(name: str, method: str, values: Any, threshold: float, settings: DriftSettings) -> dict[str, Any]:
    """One row of a verdict: an alert where the newest chunks are all above the threshold."""
    newest = values[-settings.n_confirming_chunks :]
    is_alert = len(newest) == settings.n_confirming_chunks and bool((newest > threshold).all())
    value = float(values[-1])
    reason = f"{name}: {method} {value:.4g} over {threshold:.4g}" if is_alert else ""
    return {
        "feature": name,
        "method": method,
        "value": value,
        "threshold": threshold,
        "status": "alert" if is_alert else "ok",
        "reason": reason,
    }
