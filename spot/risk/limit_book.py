"""The limits of a desk as read from `conf/risk_limits.yaml`. What is missing, unreadable, NaN or null denies.

Reading never raises. A book that cannot be read denies everything, and says why in each limit's `problem`.
Three scopes hold for every order: the whole desk, its zone (over all strategies), and its strategy in that
zone.
"""

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime

from spot.contracts.words import LIMIT_ACTIONS, LIMIT_SCOPES, LimitAction, LimitScope
from spot.market.price_limits import day_ahead_price_limits
from spot.market.zones import ALL_ZONES
from spot.wrong_settings import Place, WrongSetting, WrongSettingsError, nearest

LIMIT_KINDS: dict[str, str] = {
    "max_model_age_days": "age of the model behind the forecast",
    "max_data_age_hours": (
        "age of the essential feed (day-ahead prices, load forecasts) with the oldest data"
    ),
    "max_drift_level": "0 no drift, 1 not yet assessed, 2 drift found, 3 the monitor cannot see",
    "max_daily_loss_eur": "loss of the worst of the newest seven settled days",
    "max_drawdown_eur": "distance of settled P&L below its highest point",
    "min_price_eur_per_mwh": "lowest limit price of an order",
    "max_price_eur_per_mwh": "highest limit price of an order",
    "max_price_distance_eur_per_mwh": (
        "limit price worse than the expected price: a buy above it, a sell below it"
    ),
    "max_mw_per_mtu": "power of one order",
    "max_gross_mw": "sum of power over the scope's orders in one market time unit, buys and sells added",
    "max_net_mw": "the same, buys less sells",
    "max_mwh_per_day": "energy of a delivery day, buys and sells added",
    "max_value_eur": "energy times expected price of a delivery day, buys and sells added",
    "max_orders_per_day": "orders for a delivery day",
    "max_orders_per_minute": (
        "orders of one batch; when it is sent, with those that left the scope in the last minute: the guard"
        " against a loop"
    ),
    "max_change_mwh": "energy of the day above the day before: the guard against a unit error",
    "max_concentration_frac": (
        "share of the daily energy limit held by one part: zone of the desk, strategy of the zone, unit of"
        " the strategy"
    ),
    "max_value_at_risk_eur": "95 % one-day value at risk, the worse of historical and filtered",
    "max_expected_shortfall_eur": "95 % one-day expected shortfall, the worse of historical and filtered",
}
"""Every kind of limit. All of them must be set in every scope."""
MARKET = "market"
"""Written as the number of a price collar: the limit of the auction itself, as it stands on the day."""
MARKET_KINDS = ("min_price_eur_per_mwh", "max_price_eur_per_mwh")
_SECTIONS = ("desk", "zones", "strategies", "overrides")
_DEFAULT = "default"
"""The entry for zones and strategies that have none of their own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """One limit of one scope. If `value` is None, the limit cannot be used and denies."""

    scope: LimitScope
    kind: str
    value: float | None
    action: LimitAction
    problem: str = ""


def as_written(kind: str, value: float) -> float:
    """A measure or bound with the sign that the file of limits gives it.

    Internally all limits read "not above".
    """
    return -value if kind == "min_price_eur_per_mwh" else value


@dataclass(frozen=True, slots=True, kw_only=True)
class Override:
    """A limit moved for a time by a named person with a reason."""

    scope: str
    zone: str
    strategy: str
    kind: str
    value: float | None
    name: str
    reason: str
    expires_utc: datetime | None
    problem: str = ""

    @property
    def names_nothing(self) -> bool:
        """Whether the override names no limit that could exist.

        It is a typing error, and every decision reports it.
        """
        has_zone, has_strategy = (
            self.scope == "desk" or bool(self.zone),
            self.scope != "strategy" or bool(self.strategy),
        )
        return (
            self.scope not in LIMIT_SCOPES or self.kind not in LIMIT_KINDS or not (has_zone and has_strategy)
        )

    def concerns(self, limit: Limit, zone: str, strategy: str) -> bool:
        """Whether the override is for this limit."""
        return (
            (self.scope, self.kind) == (limit.scope, limit.kind)
            and (self.scope == "desk" or self.zone == zone)
            and (self.scope != "strategy" or self.strategy == strategy)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitBook:
    """All limits of a desk. `document` is the parsed YAML; None when it could not be read."""

    document: Mapping[str, object] | None
    problem: str = ""

    def limits(self, zone: str, strategy: str, delivery_day: date) -> tuple[Limit, ...]:
        """Every limit that holds for orders of `strategy` in `zone` for delivery on `delivery_day`.

        In the order of `LIMIT_SCOPES` and `LIMIT_KINDS`. A collar that says `market` is the auction's own.
        """
        market = _market_limits(zone, delivery_day)
        return tuple(
            self._limit(scope, kind, zone, strategy, market) for scope in LIMIT_SCOPES for kind in LIMIT_KINDS
        )

    def overrides(self) -> tuple[Override, ...]:
        """All overrides of the book, unusable ones with their problem."""
        listed = self.document.get("overrides") if self.document else None
        return tuple(_override(entry) for entry in listed) if isinstance(listed, list) else ()

    def _limit(
        self, scope: LimitScope, kind: str, zone: str, strategy: str, market: Mapping[str, float]
    ) -> Limit:
        if self.document is None:
            return Limit(
                scope=scope,
                kind=kind,
                value=None,
                action="block",
                problem=self.problem or "the limits cannot be read",
            )
        if scope == "desk":
            sections = [self.document.get("desk")]
        else:
            name, group = (zone, "zones") if scope == "zone" else (strategy, "strategies")
            parts = self.document.get(group)
            sections = [parts.get(name), parts.get(_DEFAULT)] if isinstance(parts, Mapping) else []
        found = next(
            (section[kind] for section in sections if isinstance(section, Mapping) and kind in section), None
        )
        return _limit(scope, kind, found, market)


def unreadable_book(problem: str) -> LimitBook:
    """The book that denies everything."""
    return LimitBook(document=None, problem=problem)


def parse_limit_book(document: object) -> LimitBook:
    """The book of a parsed YAML document of any form; it never raises."""
    if not isinstance(document, Mapping) or not document:
        return unreadable_book("the limits are empty or not a mapping")
    return LimitBook(document={str(key): value for key, value in document.items()})


def check_limit_names(document: Mapping[str, object]) -> None:
    """Check that every section, zone and limit of a parsed `risk_limits.yaml` has a known name.

    Raises:
        WrongSettingsError: a name is unknown. A limit misspelt for one zone would leave the default in force.
    """
    wrong = [_unknown(name, (), _SECTIONS) for name in document if name not in _SECTIONS]
    for group in ("zones", "strategies"):
        parts = document.get(group)
        for name, section in parts.items() if isinstance(parts, Mapping) else ():
            if group == "zones" and name not in (_DEFAULT, *ALL_ZONES):
                wrong.append(_unknown(name, (group,), (_DEFAULT, *ALL_ZONES)))
            wrong += _unknown_limits(section, (group, name))
    wrong += _unknown_limits(document.get("desk"), ("desk",))
    if wrong:
        raise WrongSettingsError("risk_limits.yaml", wrong)


def _unknown_limits(section: object, place: Place) -> list[WrongSetting]:
    names = section if isinstance(section, Mapping) else ()
    return [_unknown(name, place, LIMIT_KINDS) for name in names if name not in LIMIT_KINDS]


def _unknown(name: str, place: Place, known: Collection[str]) -> WrongSetting:
    return WrongSetting((*place, name), f"no such name, {nearest(name, known)}")


def _market_limits(zone: str, delivery_day: date) -> dict[str, float]:
    """Kind of a price collar to the limit of the auction, EUR/MWh; empty for an unknown zone."""
    if zone not in ALL_ZONES:
        return {}
    limits = day_ahead_price_limits(delivery_day, zone)
    return dict(zip(MARKET_KINDS, (limits.minimum_eur_per_mwh, limits.maximum_eur_per_mwh), strict=True))


def _limit(scope: LimitScope, kind: str, entry: object, market: Mapping[str, float]) -> Limit:
    if entry is None:
        return Limit(scope=scope, kind=kind, value=None, action="block", problem="missing")
    if not isinstance(entry, Mapping) or set(entry) != {"limit", "action"}:
        return Limit(
            scope=scope,
            kind=kind,
            value=None,
            action="block",
            problem="not of the form {limit: number, action: reduce|block|halt}",
        )
    value, action = _number(entry["limit"]), entry["action"]
    if entry["limit"] == MARKET:
        value = market.get(kind)
    if action not in LIMIT_ACTIONS:
        return Limit(scope=scope, kind=kind, value=None, action="block", problem=f"unknown action {action!r}")
    if value is None or (value < 0 and kind != "min_price_eur_per_mwh"):
        return Limit(
            scope=scope,
            kind=kind,
            value=None,
            action="block",
            problem=f"{entry['limit']!r} is not a usable number",
        )
    return Limit(scope=scope, kind=kind, value=value, action=action)


def _number(value: object) -> float | None:
    """A finite number, or None; true and false are no numbers."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def _override(entry: object) -> Override:
    fields = entry if isinstance(entry, Mapping) else {}
    text = {
        key: str(fields.get(key) or "").strip()
        for key in ("scope", "zone", "strategy", "kind", "name", "reason")
    }
    value, expires = _number(fields.get("limit")), _instant(fields.get("expires_utc"))
    problems = [f"no {key}" for key in ("name", "reason") if not text[key]]
    if value is None:
        problems.append("no usable limit")
    if expires is None:
        problems.append("no expires_utc with a time zone")
    if text["scope"] not in LIMIT_SCOPES or text["kind"] not in LIMIT_KINDS:
        problems.append("unknown scope or kind")
    problems += [
        f"no {key}"
        for key, scopes in (("zone", ("zone", "strategy")), ("strategy", ("strategy",)))
        if text["scope"] in scopes and not text[key]
    ]
    return Override(**text, value=value, expires_utc=expires, problem=", ".join(problems))


def _instant(value: object) -> datetime | None:
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            return None
    if not isinstance(value, datetime) or value.tzinfo is None:
        return None
    return value.astimezone(UTC)
