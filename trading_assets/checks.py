"""Results of asset checks from verdicts."""

from typing import Any

import polars as pl
from dagster import (
    AssetCheckExecutionContext,
    AssetCheckResult,
    AssetCheckSeverity,
    MetadataValue,
)

from resources.lake.lake import Lake
from spot.monitoring.day_checks import DayVerdict
from trading_assets.partitions import covered


def result(name: str, asset_name: str, verdict: DayVerdict, *, is_blocking: bool = False) -> AssetCheckResult:
    """The result of a check from a verdict on days.

    A blocking check is an error and stops the run when no day passes. In a longer range, only the failed days
    have no position, and the check warns: one bad day must not hold back the others.
    """
    severity = AssetCheckSeverity.ERROR if is_blocking and verdict.is_all_bad else AssetCheckSeverity.WARN
    return AssetCheckResult(
        check_name=name,
        asset_key=asset_name,
        passed=verdict.is_good,
        severity=severity,
        description="; ".join(verdict.reasons) or None,
        metadata={"judged_days": len(verdict.days), "failed_days": len(verdict.failed_days)},
    )


def conformance_result(rows: pl.DataFrame, *, youth: str = "", **metadata: Any) -> AssetCheckResult:
    """The result of a check on the limits of the champion's signals.

    It is an error on a breach and on missing rows, and a warning where a limit denied its day. `youth` says
    why missing rows are not a fault yet.
    """
    champion = rows.filter(pl.col("role") == "champion")
    counts = {
        status: champion.filter(pl.col("status") == status).height
        for status in ("within", "reduced", "breached", "denied")
    }
    is_error = (champion.is_empty() and not youth) or counts["breached"] > 0
    denied = (
        champion.filter(pl.col("status") == "denied")
        .select("strategy", "scope", "limit_name")
        .unique(maintain_order=True)
        .rows()
    )
    return AssetCheckResult(
        passed=not is_error and not youth and counts["denied"] == 0,
        severity=AssetCheckSeverity.ERROR if is_error else AssetCheckSeverity.WARN,
        description="denied: " + "; ".join(" ".join(names) for names in denied[:5])
        if denied
        else youth or None,
        metadata={"judged": champion.height, "limits": MetadataValue.json(counts), **metadata},
    )


def status_result(context: AssetCheckExecutionContext, lake: Lake, table: str) -> AssetCheckResult:
    """The result of a check from a monitor's stored verdicts on the days of a run.

    It is a warning on a finding and where it is too young, an error where the monitor is blind or has no
    rows.
    """
    span = covered(context)
    rows = lake.read(table, zones=[span.zone], first_day=span.first_day, last_day=span.last_day)
    bad = rows.filter(pl.col("status") != "ok")
    is_blind = rows.is_empty() or (bad["status"] == "cannot_see").any()
    reasons = [text for text in bad["reason"].unique(maintain_order=True).to_list()[:5] if text]
    return AssetCheckResult(
        passed=rows.height > 0 and bad.is_empty(),
        severity=AssetCheckSeverity.ERROR if is_blind else AssetCheckSeverity.WARN,
        description="; ".join(reasons) or ("nothing was judged" if rows.is_empty() else None),
        metadata={"judged": rows.height, "not_ok": bad.height},
    )
