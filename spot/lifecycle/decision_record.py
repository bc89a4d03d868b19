"""The record of a decision on a model version: one append-only row that can be explained years later."""

import hashlib
import json
import textwrap
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal

import polars as pl

from spot.contracts.monitoring_tables import PROMOTION_DECISIONS
from spot.contracts.table import check_rows
from spot.errors import ContractError
from spot.lifecycle.promotion import PromotionVerdict
from spot.lifecycle.promotion_settings import PromotionSettings
from spot.lifecycle.promotion_tests import MONEY_TESTS, SAME_MONEY, unit_of_test

_WIDTH = 96
"""Columns of a line of limits: it fits a window of 100 columns with its indentation."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionContext:
    """Facts about a decision that the verdict itself does not hold."""

    zone: str
    decided_at_utc: datetime
    candidate_version: str
    champion_version: str | None
    cause: str
    candidate_data_version: str
    champion_data_version: str | None = None
    code_commit: str
    decided_by: str = "policy"
    signed_off_by: str | None = None
    first_day: date | None = None
    last_day: date | None = None
    model: str | None = None
    """Registered model whose versions these are."""


def decision_row(
    verdict: PromotionVerdict, context: DecisionContext, settings: PromotionSettings
) -> pl.DataFrame:
    """One row of `promotion_decisions`.

    The same verdict on the same evidence has the same id, whenever it is written.
    """
    evidence = {
        "tests": [
            {
                "name": t.name,
                "n_days": t.n_days,
                "p_value": t.p_value,
                "level": t.level,
                "value": t.value,
                "is_significant": t.is_significant,
            }
            for t in verdict.tests
        ],
        "sanity": (
            None
            if verdict.sanity is None
            else [{"name": c.name, "passed": c.passed, "detail": c.detail} for c in verdict.sanity.checks]
        ),
        "next_look_after_days": verdict.next_look_after_days,
    }
    return _row(
        context,
        action=verdict.action,
        reasons="; ".join(verdict.reasons),
        n_days=verdict.n_days,
        candidate_loss_eur_per_mwh=verdict.candidate_loss,
        champion_loss_eur_per_mwh=verdict.champion_loss,
        error_p_value=verdict.p_value("error_better"),
        money_p_value=(
            verdict.p_value("money_better")
            if settings.money_must_be == "better"
            else verdict.p_value("money_worse")
        ),
        pnl_difference_eur=verdict.pnl_difference_eur,
        evidence_json=json.dumps(evidence, sort_keys=True),
        limits_json=settings.model_dump_json(),
    )


def manual_decision_row(
    action: Literal["promote", "rollback"], context: DecisionContext, *, reason: str
) -> pl.DataFrame:
    """One row for what a person decided without a test: a rollback, or a promotion."""
    return _row(context, action=action, reasons=reason, n_days=0, evidence_json="{}", limits_json="{}")


def explain_decision(row: dict[str, Any]) -> str:
    """The row in words, for `spotdesk explain-decision`."""
    action = "rollback to" if row["action"] == "rollback" else f"{row['action'].replace('_', ' ')} of"
    lines = [
        f"{row['decided_at_utc']:%Y-%m-%d %H:%M} UTC, zone {row['zone']}: {action} version"
        f" {row['candidate_version']}" + (f" of {row['model']}" if row["model"] else ""),
        f"  champion then: {row['champion_version'] or 'none'}; asked by: {row['cause']}; decided by:"
        f" {row['decided_by']}" + (f"; signed off by {row['signed_off_by']}" if row["signed_off_by"] else ""),
        f"  why: {row['reasons']}",
        f"  evidence: {row['n_days']} days"
        + (f", {row['first_day']} to {row['last_day']}" if row["first_day"] else ""),
    ]
    if row["candidate_loss_eur_per_mwh"] is not None:
        against = (
            ""
            if row["champion_loss_eur_per_mwh"] is None
            else f", champion {row['champion_loss_eur_per_mwh']:.3f}"
        )
        lines.append(f"  mean loss: candidate {row['candidate_loss_eur_per_mwh']:.3f}{against} EUR/MWh")
    evidence = json.loads(row["evidence_json"])
    for test in evidence.get("tests") or []:
        if test["name"] in MONEY_TESTS and test["value"] == 0:
            lines.append(f"  {test['name']} after {test['n_days']} days: {SAME_MONEY}")
            continue
        mark = "significant" if test["is_significant"] else "not significant"
        lines.append(
            f"  {test['name']} after {test['n_days']} days: {test['value']:+.3f}"
            f" {unit_of_test(test['name'])}, p={test['p_value']:.3g}, level {test['level']:.2g}, {mark}"
        )
    lines.extend(
        f"  sanity, {check['name']}: {'passed' if check['passed'] else 'FAILED'}"
        + (f" ({check['detail']})" if check["detail"] else "")
        for check in evidence.get("sanity") or []
    )
    lines += _limit_lines(json.loads(row["limits_json"]))
    lines.append(
        f"  data: candidate {row['candidate_data_version']}, champion {row['champion_data_version'] or '-'};"
        f" code {row['code_commit']}"
    )
    return "\n".join(lines)


def _limit_lines(limits: dict[str, Any]) -> list[str]:
    """The limits side by side, each in one piece with its value."""
    pieces = [
        f"{name}\N{NO-BREAK SPACE}{value}"
        for name, value in limits.items()
        if not isinstance(value, dict | list)
    ]
    folded = textwrap.wrap(
        f"  limits: {', '.join(pieces)}",
        width=_WIDTH,
        subsequent_indent="    ",
        break_long_words=False,
        break_on_hyphens=False,
    )
    return [line.replace("\N{NO-BREAK SPACE}", " ") for line in folded] if pieces else []


def _row(context: DecisionContext, **values: Any) -> pl.DataFrame:
    known: dict[str, Any] = {name: getattr(context, name) for name in DecisionContext.__slots__}
    row = dict.fromkeys(PROMOTION_DECISIONS.columns) | known | values
    # The policy may decide on the same evidence again: that is the same row, so the clock is not part of its
    # id. A person's decision is a new row each time.
    is_machine = context.decided_by == "policy"
    identity = {
        name: str(value)
        for name, value in sorted(row.items())
        if name not in ("decision_id", "decided_at_utc") or not is_machine
    }
    row["decision_id"] = hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()[:20]
    checked = check_rows(pl.DataFrame([row], schema=PROMOTION_DECISIONS.schema), PROMOTION_DECISIONS)
    if not checked.rejected.is_empty():
        raise ContractError(f"promotion decision of {context.zone}: {checked.rejected['reason'][0]}")
    return checked.accepted
