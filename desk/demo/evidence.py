"""The last part of the demo's report: every decision on a model, and why."""

from collections.abc import Mapping

import polars as pl

from desk.demo.summary import DemoSummary
from desk.screen.report import Picture, Section, table_of
from resources.models.version import PRICE_FAMILY
from resources.pictures.desk import calibration
from spot.market.clock import local_time

_DECISION_HEADINGS = {
    "reasons": "Why",
    "decision": "Decision",
    "decided": "When, local time",
    "model": "Model",
    "candidate_loss_eur_per_mwh": "Its error, EUR/MWh",
    "champion_loss_eur_per_mwh": "Champion's error, EUR/MWh",
    "n_days": "Days of evidence",
}
_DECISIONS = {
    "promote": "serves from now on",
    "to_challenger": "runs in shadow",
    "reject": "rejected",
    "expire": "expired",
}
_RETRAIN_HEADINGS = {
    "detail": "Why",
    "zone": "Zone",
    "requested": "When, local time",
    "cause": "Cause",
    "status": "Status",
}


def evidence_section(summary: DemoSummary, tables: Mapping[str, pl.DataFrame]) -> Section:
    """Decisions on versions, retrains that were asked for, and the calibration of the quantiles."""
    names = [zone.zone for zone in summary.zones]
    retrains = pl.concat(
        [
            tables["retrain_requests"]
            .filter(pl.col("zone") == name)
            .with_columns(requested=local_time(name, "requested_at_utc").dt.replace_time_zone(None))
            for name in names
        ]
    )
    return Section(
        "Every decision, and why",
        "A new version runs in shadow beside the champion and replaces it only on significant evidence. Each"
        " decision is kept.",
        tables=(
            table_of(_decisions(names, tables), "Decisions on model versions", headings=_DECISION_HEADINGS),
            table_of(
                retrains.sort("requested_at_utc"), "Retrains that were asked for", headings=_RETRAIN_HEADINGS
            ),
        ),
        pictures=(
            Picture(
                calibration(tables["day_ahead_forecasts"], tables["day_ahead_prices"]),
                "Share of outcomes below each forecast quantile against its level, per zone.",
                "On the diagonal the probabilities are right.",
            ),
        ),
    )


def _decisions(names: list[str], tables: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """Decisions in words, by zone and instant."""
    version = pl.col("candidate_version").cast(pl.Int64, strict=False)
    is_price = pl.col("model").is_null() | pl.col("model").str.starts_with(PRICE_FAMILY)
    return pl.concat(
        [
            tables["promotion_decisions"]
            .filter(pl.col("zone") == name)
            .sort("decided_at_utc", version)
            .with_columns(
                decided=local_time(name, "decided_at_utc").dt.replace_time_zone(None),
                decision=pl.format(
                    "v{} {}",
                    "candidate_version",
                    pl.col("action").cast(pl.String).replace(_DECISIONS),
                ),
                model=pl.format(
                    "{} of {}",
                    pl.when(is_price).then(pl.lit("price")).otherwise(pl.lit("spread")),
                    pl.lit(name),
                ),
            )
            for name in names
        ]
    )
