"""Overrides of limits: a person moves one number for a time, with a reason.

Each use and each refusal is an event.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

import numpy as np

from spot.contracts.words import LIMIT_SCOPES
from spot.risk.limit_book import Limit, Override
from spot.risk.limit_event import LimitEvent


def with_overrides(
    limits: Sequence[Limit], overrides: Sequence[Override], *, zone: str, strategy: str, as_of_utc: datetime
) -> tuple[tuple[Limit, ...], tuple[LimitEvent, ...]]:
    """The limits with every valid override applied, and an event for each override that was used or refused.

    An override needs an existing limit. It changes a number and cannot replace a missing one.
    """
    events: list[LimitEvent] = []
    result = list(limits)
    for override in overrides:
        if override.names_nothing:
            events.append(_refused(override))
            continue
        for i, limit in enumerate(result):
            if not override.concerns(limit, zone, strategy):
                continue
            problem = _override_problem(override, limit, as_of_utc)
            text = f"{override.name or 'nobody'}: {override.reason or 'no reason'}, " + (
                problem or f"until {override.expires_utc}"
            )
            events.append(
                LimitEvent(
                    kind="override_rejected" if problem else "override",
                    scope=limit.scope,
                    limit_name=limit.kind,
                    action=None,
                    detail=text,
                    value=np.nan if override.value is None else override.value,
                    limit_value=np.nan if limit.value is None else limit.value,
                )
            )
            if not problem:
                result[i] = replace(limit, value=override.value)
    return tuple(result), tuple(events)


def _refused(override: Override) -> LimitEvent:
    """The event of an override that names no existing limit."""
    scope = override.scope if override.scope in LIMIT_SCOPES else "desk"
    said = (
        f"override of {override.scope or 'no scope'} {override.kind or 'no kind'} by"
        f" {override.name or 'nobody'}: {override.problem}"
    )
    value = np.nan if override.value is None else override.value
    return LimitEvent(
        kind="override_rejected",
        scope=scope,
        limit_name=override.kind or "unnamed",
        value=value,
        limit_value=np.nan,
        action=None,
        detail=said,
    )


def _override_problem(override: Override, limit: Limit, as_of_utc: datetime) -> str:
    if override.problem or override.expires_utc is None or override.value is None:
        return override.problem or "incomplete"
    if override.expires_utc <= as_of_utc:
        return f"expired at {override.expires_utc}"
    if override.value < 0 and limit.kind != "min_price_eur_per_mwh":
        return "below zero"
    return "the limit itself is missing" if limit.value is None else ""
