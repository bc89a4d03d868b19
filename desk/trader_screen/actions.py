"""What a person does on the screen: the same functions as the command line, with the name of who is there."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from desk.every_day.override import told as override_told
from desk.figures.alerts import acknowledge
from desk.figures.opened import OpenedDesk
from desk.figures.overrides import Wish, enter, read_number
from desk.models.champion import asks_for_signature, let_serve, promotable
from desk.models.family import Family, registry_of
from desk.models.signatures import check_signature
from desk.trading.tell import tell
from resources.identity.guesses import Guesses
from resources.identity.roles import Identity
from resources.settings.environment import Environment
from resources.trading.state import StillLeavingError, TradingStateStore
from resources.trading.state_files import StateRecord
from resources.wall_clock import utc_now
from resources.wiring import make_lake
from spot.contracts.words import OVERRIDE_ACTIONS
from spot.errors import ConfigurationError, SpotdeskError
from spot.market.zones import find_zone
from spot.risk.state import TradingState

DESK = "desk"
POSTS: Mapping[str, str] = {
    "/do/halt": "halt",
    "/do/reduce": "reduce",
    "/do/resume": "resume",
    "/do/acknowledge": "acknowledge",
    "/do/sign_off": "sign_off",
    "/do/override": "override",
}
"""Path to the action that it is, as `resources/identity/roles.py` names it."""
_LONGEST = 500
"""Characters of a reason or a note. Chosen by hand: a few sentences, as on the command line."""
Asked = Mapping[str, Any]


def named(who: Identity) -> str:
    """How records name a person of the screen."""
    return who.name if who.how == "loopback" else f"{who.name} (logged in)"


@dataclass(slots=True)
class Actions:
    """The actions on one desk. Each returns a sentence for the person, which names the scope."""

    environment: Environment
    clock: Callable[[], datetime] = utc_now
    _guesses: Guesses = field(default_factory=Guesses)

    def do(self, path: str, who: Identity, asked: Asked) -> str:
        """Do what was posted to a path of `POSTS`.

        Raises:
            ConfigurationError: it cannot be done; the message says why.
        """
        actions: Mapping[str, Callable[[Identity, Asked], str]] = {
            "/do/halt": self._halt,
            "/do/reduce": self._reduce,
            "/do/resume": self._resume,
            "/do/acknowledge": self._acknowledge,
            "/do/sign_off": self._sign_off,
            "/do/override": self._override,
        }
        return actions[path](who, asked)

    @property
    def _store(self) -> TradingStateStore:
        return TradingStateStore(self.environment.trading_state)

    def _halt(self, who: Identity, asked: Asked) -> str:
        try:
            zone, reason = _scope(asked), _text(asked, "reason") or "halted on the screen"
            record = self._store.halt(zone, reason=reason, actor=named(who))
        except StillLeavingError:
            tell(self._store.record(DESK if zone is None else f"zone-{zone}"), wait_seconds=0.0)
            raise
        except Exception as error:
            said = str(error) if isinstance(error, ConfigurationError) else f"{type(error).__name__} {error}"
            raise ConfigurationError(said if said.startswith("NOT") else f"NOT HALTED: {said}") from error
        return _told(record)

    def _reduce(self, who: Identity, asked: Asked) -> str:
        reason = _needed(asked, "reason", "reducing needs a reason")
        return _told(self._store.reduce(_scope(asked), reason=reason, actor=named(who)))

    def _resume(self, who: Identity, asked: Asked) -> str:
        reason = _needed(asked, "reason", "resuming needs a reason: why is it safe to trade again?")
        zone = _scope(asked)
        told = _told(self._store.resume(zone, reason=reason, actor=named(who)))
        effective = self._store.state(zone)
        if effective is not TradingState.ACTIVE:
            return f"{told} NOTHING IS SENT YET: the desk is still {effective}."
        return told

    def _acknowledge(self, who: Identity, asked: Asked) -> str:
        alert_id = _needed(asked, "alert", "which alert is missing")
        seen = acknowledge(
            make_lake(self.environment), alert_id, by=named(who), note=_text(asked, "reason"), now=utc_now()
        )
        return f"{seen.zone} {seen.kind}: acknowledged by {', '.join(seen.acknowledged_by)}."

    def _sign_off(self, who: Identity, asked: Asked) -> str:
        zone = find_zone(_needed(asked, "scope", "the zone is missing")).name
        version = _needed(asked, "version", "the version is missing")
        reason = _needed(asked, "reason", "a sign-off needs a reason")
        model = Family.SPREAD if _text(asked, "model") == Family.SPREAD else Family.PRICE
        registry = registry_of(self.environment, model)
        new = promotable(registry, zone, version, model)
        second = self._second(who, asked) if asks_for_signature(self.environment, zone) else None
        row = let_serve(self.environment, registry, new, by=who.name, reason=reason, signed_off_by=second)
        signed = f", signed by {second} too" if second else ""
        return (
            f"{zone}: {model} version {version} serves from the next forecast on, by {who.name}{signed};"
            f" decision {row['decision_id']}."
        )

    def _override(self, who: Identity, asked: Asked) -> str:
        action = _text(asked, "action")
        if action not in OVERRIDE_ACTIONS:
            raise ConfigurationError(f"what to do with the orders is missing: {', '.join(OVERRIDE_ACTIONS)}")
        try:
            day = date.fromisoformat(_needed(asked, "day", "the delivery day is missing"))
        except ValueError as error:
            raise ConfigurationError(f"the delivery day is no day: {error}") from None
        wish = Wish(
            zone=_needed(asked, "scope", "the zone is missing"),
            delivery_day=day,
            strategy=_needed(asked, "strategy", "the strategy is missing"),
            units=_needed(asked, "units", "which units is missing: a local time such as 18:00, or all"),
            action=action,
            volume_mw=read_number(_text(asked, "volume"), "volume"),
            limit_price_eur_per_mwh=read_number(_text(asked, "price"), "price"),
        )
        reason = _needed(asked, "reason", "a change of orders needs a reason")
        return override_told(
            enter(OpenedDesk(self.environment), wish, by=named(who), reason=reason, clock=self.clock)
        )

    def _second(self, who: Identity, asked: Asked) -> str:
        """The second person, who is another user and gives a password."""
        if who.how == "loopback":
            raise ConfigurationError(
                "the sign-off of two people is asked for, and nobody has logged in: serve with --login"
            )
        name = _needed(asked, "second", "the sign-off of a second person is asked for: the name is missing")
        if name.casefold() == who.name.casefold():
            raise ConfigurationError("the second person must not be the one who is logged in")
        if self._guesses.has_to_wait(name):
            raise ConfigurationError(f"too many wrong passwords of {name}: wait a minute")
        self._guesses.count(name)
        check_signature(self.environment.home, name, "sign_off", _secret(asked, "password"))
        self._guesses.forget(name)
        return name


def _scope(asked: Asked) -> str | None:
    """The zone; None is the whole desk. What is missing is neither."""
    scope = _needed(asked, "scope", "the scope is missing: desk, or a zone")
    return None if scope == DESK else scope


def _text(asked: Asked, name: str) -> str:
    value = asked.get(name, "")
    return " ".join(value.split())[:_LONGEST] if isinstance(value, str) else ""


def _secret(asked: Asked, name: str) -> str:
    value = asked.get(name, "")
    return value[:_LONGEST] if isinstance(value, str) else ""


def _needed(asked: Asked, name: str, missing: str) -> str:
    text = _text(asked, name)
    if not text:
        raise ConfigurationError(missing)
    return text


def _told(record: StateRecord) -> str:
    """What holds now, and what the second place says where there is one."""
    what = "The whole desk" if record.scope == DESK else record.scope.removeprefix("zone-")
    cure = f" To resume trading: {record.cure}" if record.cure else ""
    return f"{what} is {record.state}, by {record.actor}: {record.reason}.{cure}{_followed(record)}"


def _followed(record: StateRecord) -> str:
    """What the second place says, where there is one; whatever follows a change does not undo it."""
    try:
        elsewhere = tell(record)
    except SpotdeskError as error:
        return f" No alert was sent: {error}."
    return f" Second place: {elsewhere}." if elsewhere else ""
