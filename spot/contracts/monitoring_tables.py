"""Contracts of monitoring tables.

They cover drift, performance, data quality, explanations, retrain requests, promotion decisions, comparisons
and alerts.
"""

import polars as pl

from spot.contracts.table import UTC_INSTANT, Column, TableContract
from spot.contracts.words import (
    PROMOTION_ACTIONS,
    REQUEST_STATUSES,
    RETRAIN_CAUSES,
    ROLES,
    SEVERITIES,
    STATUSES,
)

MONITOR_TABLES = {
    "data quality": "data_quality",
    "drift": "feature_drift",
    "other drift": "reported_drift",
    "performance": "forecast_performance",
    "explanations": "feature_importance",
}
"""Monitors of a zone, and the table that holds the verdicts of each."""


def _text(description: str, allowed: tuple[str, ...] | None = None, *, nullable: bool = False) -> Column:
    return Column(dtype=pl.String, description=description, allowed=allowed, nullable=nullable)


def _none(description: str) -> Column:
    """A text that may be null, for which earlier versions stored the word none."""
    return Column(dtype=pl.String, description=description, nullable=True, null_was="none")


def _instant(description: str, *, nullable: bool = False) -> Column:
    return Column(dtype=UTC_INSTANT, description=description, unit="instant", nullable=nullable)


def _number(description: str, unit: str = "") -> Column:
    return Column(dtype=pl.Float64, description=description, unit=unit, nullable=True)


def _count(description: str) -> Column:
    return Column(dtype=pl.Int64, description=description, minimum=0)


_JUDGED_DAY: dict[str, Column] = {
    "zone": _text("bidding zone"),
    "delivery_day": Column(dtype=pl.Date, description="newest delivery day that was judged"),
}
_JUDGEMENT: dict[str, Column] = {
    "value": _number("what was measured; null when it could not be"),
    "threshold": _number("limit it was compared with; null when there was none"),
    "status": _text("verdict on this row", STATUSES),
    "reason": _text("why, in words; empty when ok"),
}

FEATURE_DRIFT = TableContract(
    name="feature_drift",
    description=(
        "Distance of the newest days to days of the same season, per feature and for all features together."
    ),
    key=("zone", "delivery_day", "feature", "method"),
    columns={
        **_JUDGED_DAY,
        "feature": _text("feature and daily statistic, for example load_forecast_mw|mean"),
        "method": _none(
            "distance, for example wasserstein or pca_reconstruction; null where none could be used"
        ),
        **_JUDGEMENT,
        "n_reference_days": _count("days it was compared with"),
    },
)
REPORTED_DRIFT = TableContract(
    name="reported_drift",
    description=(
        "Drift of every other feature and of the champion's forecast. It is reported, and never causes a"
        " retrain."
    ),
    key=FEATURE_DRIFT.key,
    columns=FEATURE_DRIFT.columns,
)
FORECAST_PERFORMANCE = TableContract(
    name="forecast_performance",
    description="Realised and estimated quality of the forecasts of one model version over the newest days.",
    key=("zone", "delivery_day", "model_version", "role", "metric", "basis"),
    columns={
        **_JUDGED_DAY,
        "model_version": _none("registered version; null where no forecast was made"),
        "role": _text("whether the champion or a challenger made the forecast", ROLES),
        "metric": _text(
            "mae, rmae and coverage without unit or EUR/MWh", ("mae", "rmae", "pinball", "coverage")
        ),
        "basis": _text("from outcomes, or estimated until there are outcomes", ("realised", "estimated")),
        **_JUDGEMENT,
    },
)
DATA_QUALITY = TableContract(
    name="data_quality",
    description=(
        "Verdict on the newest values of each series: missing, frozen, rescaled, doubled, out of range."
    ),
    key=("zone", "delivery_day", "series", "check"),
    columns={
        **_JUDGED_DAY,
        "series": _text("column or raw series"),
        "check": _text("what was looked for", ("missing", "doubled", "frozen", "unit", "range", "reference")),
        "n_rows": _count("rows concerned"),
        **_JUDGEMENT,
    },
)
FEATURE_IMPORTANCE = TableContract(
    name="feature_importance",
    description=(
        "Share of the forecast that each feature carries, and how far the mix has moved since training."
    ),
    key=("zone", "delivery_day", "model_version", "feature"),
    columns={
        **_JUDGED_DAY,
        "model_version": _none("registered version; null where no forecast was made"),
        "feature": _text("feature"),
        "share_reference": _number("share of the absolute attribution in the reference", "share of one"),
        "share": _number("share over the judged days", "share of one"),
        "status": _text("verdict on the whole mix", STATUSES),
        "reason": _text("why, in words; empty when ok", nullable=True),
    },
)
RETRAIN_REQUESTS = TableContract(
    name="retrain_requests",
    description=(
        "Every retrain that was requested, its cause and its status. One row per request; a new status"
        " replaces the row."
    ),
    key=("request_id",),
    columns={
        "request_id": _text("zone, cause and running number"),
        "zone": _text("bidding zone"),
        "cause": _text("what asked", RETRAIN_CAUSES),
        "detail": _text("the cause in words"),
        "requested_at_utc": _instant("when it was first requested"),
        "status": _text("failed waits for its next attempt; abandoned waits for a person", REQUEST_STATUSES),
        "n_attempts": _count("attempts launched, the present one included"),
        "run_id": _text("run of the newest attempt", nullable=True),
        "updated_at_utc": _instant("when the status last changed"),
        "replayed_lineage": _text(
            "lineage of the data of the replay that made the request; null for a request of the desk",
            nullable=True,
        ),
    },
)
PROMOTION_DECISIONS = TableContract(
    name="promotion_decisions",
    description=(
        "Append-only record of every decision on a model version: what was decided, on which evidence, under"
        " which limits, by whom."
    ),
    key=("decision_id",),
    columns={
        "decision_id": _text("hash of what was decided: the same decision again is the same row"),
        "zone": _text("bidding zone"),
        "decided_at_utc": _instant("when"),
        "action": _text("what was decided", PROMOTION_ACTIONS),
        "candidate_version": _text("version judged"),
        "champion_version": _text("version that served; null when there was none", nullable=True),
        "cause": _text("request that led to the version, or who asked"),
        "reasons": _text("why, separated by '; '"),
        "first_day": Column(dtype=pl.Date, description="first delivery day of the evidence", nullable=True),
        "last_day": Column(dtype=pl.Date, description="last delivery day of the evidence", nullable=True),
        "n_days": _count("days of evidence"),
        "candidate_loss_eur_per_mwh": _number("mean daily loss of the candidate", "EUR/MWh"),
        "champion_loss_eur_per_mwh": _number("mean daily loss of the champion, same days", "EUR/MWh"),
        "error_p_value": _number("one-sided, candidate better in error; sequential where looked at daily"),
        "money_p_value": _number("one-sided, candidate better in money; null without shadow P&L"),
        "pnl_difference_eur": _number("candidate less champion over the days", "EUR"),
        "evidence_json": _text("all test results and sanity checks"),
        "limits_json": _text("the settings that were applied"),
        "candidate_data_version": _text("table versions behind the candidate"),
        "champion_data_version": _text("table versions behind the champion", nullable=True),
        "code_commit": _text("commit of the deciding code"),
        "decided_by": _text("policy, or the name of a person"),
        "signed_off_by": _text("second person, where the zone asks for one", nullable=True),
        "model": _text(
            "registered model whose versions these are; null in records older than the column: the price"
            " model",
            nullable=True,
        ),
    },
)
MODEL_COMPARISONS = TableContract(
    name="model_comparisons",
    description=(
        "Two model versions side by side on the same days, by hour, month and in total, in error and in"
        " money; the newest comparison of each pair."
    ),
    key=("zone", "version_a", "version_b", "slice", "label"),
    columns={
        "zone": _text("bidding zone"),
        "version_a": _text("first version"),
        "version_b": _text("second version"),
        "slice": _text("kind of slice", ("total", "hour", "month")),
        "label": _text("which hour or month; all for the total"),
        "first_day": Column(
            dtype=pl.Date, description="first delivery day compared in this slice", nullable=True
        ),
        "last_day": Column(
            dtype=pl.Date, description="last delivery day compared in this slice", nullable=True
        ),
        "n_days": _count("days compared"),
        "mae_a_eur_per_mwh": _number("mean absolute error of the first", "EUR/MWh"),
        "mae_b_eur_per_mwh": _number("mean absolute error of the second", "EUR/MWh"),
        "pinball_a_eur_per_mwh": _number("pinball loss of the first", "EUR/MWh"),
        "pinball_b_eur_per_mwh": _number("pinball loss of the second", "EUR/MWh"),
        "pnl_a_eur": _number("P&L of the first", "EUR"),
        "pnl_b_eur": _number("P&L of the second", "EUR"),
        "error_p_value": _number("two-sided test of equal error; total only"),
        "money_p_value": _number("two-sided bootstrap of equal P&L; total only"),
    },
)
ALERTS = TableContract(
    name="alerts",
    description="Everything a person should look at, with the page that says what to do.",
    key=("alert_id",),
    columns={
        "alert_id": _text("hash of what is wrong and of its episode: the same alert again is the same row"),
        "raised_at_utc": _instant("when it was first raised"),
        "zone": _text("bidding zone; all when it concerns every zone"),
        "kind": _text("name of the alert and of its page in docs/runbooks"),
        "severity": _text("how urgent", SEVERITIES),
        "message": _text("what is wrong and what to do"),
    },
)
ALERT_ACKNOWLEDGEMENTS = TableContract(
    name="alert_acknowledgements",
    description="Who has seen an alert. One row per person and alert; rows never change.",
    key=("alert_id", "acknowledged_by"),
    columns={
        "alert_id": _text("alert that was seen"),
        "zone": _text("bidding zone of the alert; all when it concerns every zone"),
        "acknowledged_at_utc": _instant("when"),
        "acknowledged_by": _text("name of the person, and how it is known"),
        "note": _text("what the person says about it"),
    },
)

MONITORING_TABLES: tuple[TableContract, ...] = (
    FEATURE_DRIFT,
    REPORTED_DRIFT,
    FORECAST_PERFORMANCE,
    DATA_QUALITY,
    FEATURE_IMPORTANCE,
    RETRAIN_REQUESTS,
    PROMOTION_DECISIONS,
    MODEL_COMPARISONS,
    ALERTS,
    ALERT_ACKNOWLEDGEMENTS,
)
