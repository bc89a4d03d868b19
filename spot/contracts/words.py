"""The words that tables, settings and code share, declared once: each a type, and the tuple of its values."""

from typing import Literal, get_args

STRATEGY_NAME = r"^[a-z][a-z0-9_]*$"
"""Form of a strategy's name. `spot.strategy.strategies` and installed plug-ins say which names exist."""
Role = Literal["champion", "challenger"]
"""Which model made a forecast or a signal. The champion's are traded; a challenger's stay on paper."""
ROLES: tuple[Role, ...] = get_args(Role)
NAIVE_VERSION = "naive"
"""Model and version of a forecast that the naive rule made, where no registered version could."""
Mode = Literal["paper", "live"]
MODES: tuple[Mode, ...] = get_args(Mode)

Status = Literal["ok", "alert", "cannot_see", "too_young"]
"""The verdict of a monitor: fine, something found, input missing that should be there, or too early to judge.
"""
STATUSES: tuple[Status, ...] = get_args(Status)
Severity = Literal["info", "warning", "critical"]
SEVERITIES: tuple[Severity, ...] = get_args(Severity)

CauseKind = Literal["schedule", "drift", "performance", "estimated_performance", "code", "person"]
RETRAIN_CAUSES: tuple[CauseKind, ...] = get_args(CauseKind)
RequestStatus = Literal["requested", "running", "succeeded", "failed", "abandoned"]
"""`failed` waits for its next attempt, `abandoned` for a person."""
REQUEST_STATUSES: tuple[RequestStatus, ...] = get_args(RequestStatus)
OPEN_REQUESTS: tuple[RequestStatus, ...] = ("requested", "running", "failed")
"""Requests that the desk itself still works on."""

PolicyAction = Literal["reject", "to_challenger", "keep_challenger", "await_sign_off", "promote", "expire"]
"""What the promotion policy may decide."""
PromotionAction = Literal[
    "reject", "to_challenger", "keep_challenger", "await_sign_off", "promote", "expire", "rollback"
]
"""What the promotion policy may decide, and what only a person decides."""
PROMOTION_ACTIONS: tuple[PromotionAction, ...] = get_args(PromotionAction)

OverrideAction = Literal["change", "leave_out", "withdraw"]
"""What a person may do with an order before the gate."""
OVERRIDE_ACTIONS: tuple[OverrideAction, ...] = get_args(OverrideAction)

LimitScope = Literal["desk", "zone", "strategy"]
LIMIT_SCOPES: tuple[LimitScope, ...] = get_args(LimitScope)
LimitAction = Literal["reduce", "block", "halt"]
"""Cut the orders to the limit, make the day flat, or make it flat and halt the zone."""
LIMIT_ACTIONS: tuple[LimitAction, ...] = get_args(LimitAction)

AlertKind = Literal[
    "bad_data",
    "blocking_check_failed",
    "books_changed",
    "clock_not_believed",
    "code_does_not_load",
    "disk_nearly_full",
    "drift_found",
    "explanations_shifted",
    "extreme_prices",
    "fallback_forecast",
    "fallback_source",
    "fills_differ",
    "limit_nearly_used",
    "model_damaged",
    "monitor_cannot_see",
    "no_champion",
    "no_forecast",
    "no_signal",
    "no_signal_before_gate",
    "not_published",
    "performance_worse",
    "retrain_abandoned",
    "run_failed",
    "series_is_late",
    "sign_off_awaited",
    "ticks_stopped",
    "trading_state_changed",
    "zone_halted",
]
"""Every kind of alert, each with its page in docs/runbooks."""
ALERT_KINDS: tuple[AlertKind, ...] = get_args(AlertKind)
