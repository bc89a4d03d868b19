"""What differs between two folders of settings, and who must agree before the difference holds.

A change of limits, of `live`, of the sign-off, of a strategy, or the loss of a setting waits for a person. A
change that goes live, raises a limit or weakens the sign-off waits for two.
"""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from resources.settings.yaml_file import read_yaml
from spot.errors import ConfigurationError
from spot.risk.limit_book import MARKET, MARKET_KINDS

Needs = Literal["nobody", "a person", "two people"]
Place = tuple[str | int, ...]

_LIMITS, _PROMOTION, _ZONES = "risk_limits.yaml", "promotion.yaml", "zones.yaml"
_ACTIONS = ("reduce", "block", "halt")
"""What a limit does, the weakest first."""
_MISSING = object()
_ORDER: tuple[Needs, ...] = ("nobody", "a person", "two people")


@dataclass(frozen=True, slots=True)
class Change:
    """One setting that differs."""

    file: str
    setting: str
    """Names of the setting from the top of its file, joined by dots; empty for the whole file."""
    before: str | None
    """None where the setting was not there."""
    after: str | None
    """None where the setting is gone."""
    needs: Needs


def strictest(changes: list[Change]) -> Needs:
    """Who must agree to all of the changes together."""
    return max((change.needs for change in changes), key=_ORDER.index, default="nobody")


def digest_of(folder: Path) -> str:
    """SHA-256 over the names and bytes of all YAML files below `folder`.

    Raises:
        ConfigurationError: a file cannot be read.
    """
    digest = hashlib.sha256()
    for name, path in _files(folder).items():
        try:
            content = path.read_bytes()
        except OSError as error:
            raise ConfigurationError(f"cannot read {path}: {error.strerror or error}") from error
        digest.update(f"{name}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()


def changes_between(before: Path, after: Path) -> list[Change]:
    """Every setting of folder `after` that is not as in folder `before`.

    A file that cannot be read is one change, which needs a person: nothing of it can be judged.
    """
    old, new = _files(before), _files(after)
    found: list[Change] = []
    for name in sorted(old.keys() | new.keys()):
        if name not in new:
            found.append(Change(name, "", "a file", None, "a person"))
        elif name not in old:
            found += _of_new_file(name, new[name])
        elif old[name].read_bytes() != new[name].read_bytes():
            found += _of_file(name, old[name], new[name])
    return found


def _files(folder: Path) -> dict[str, Path]:
    return {str(path.relative_to(folder)): path for path in sorted(folder.rglob("*.yaml"))}


def _of_new_file(name: str, path: Path) -> Iterator[Change]:
    """A strategy or profile that no zone uses yet changes nothing; a new file of limits does."""
    needs: Needs = "nobody" if "/" in name else "a person"
    try:
        read_yaml(path)
    except ConfigurationError as error:
        yield Change(name, "", None, f"unreadable: {error}", needs)
        return
    yield Change(name, "", None, "a file", needs)


def _of_file(name: str, before: Path, after: Path) -> Iterator[Change]:
    try:
        old, new = dict(_leaves(read_yaml(before).content)), dict(_leaves(read_yaml(after).content))
    except ConfigurationError as error:
        yield Change(name, "", "a file", f"unreadable: {error}", "a person")
        return
    places = [*old, *(place for place in new if place not in old)]
    for place in places:
        was, now = old.get(place, _MISSING), new.get(place, _MISSING)
        if (was is not now and was != now) or type(was) is not type(now):
            setting = ".".join(str(part) for part in place)
            yield Change(name, setting, _shown(was), _shown(now), _needs(name, place, was, now))


def _leaves(value: Any, place: Place = ()) -> Iterator[tuple[Place, Any]]:
    """Every value with its place; a list is one value, since its order has a meaning."""
    if isinstance(value, Mapping) and value:
        for name, part in value.items():
            yield from _leaves(part, (*place, name))
    elif place:
        yield place, value


def _needs(name: str, place: Place, was: Any, now: Any) -> Needs:
    if name == _LIMITS:
        return "two people" if _is_looser(place, was, now) else "a person"
    if name == _PROMOTION:
        return "two people" if str(place[0]).startswith("sign_off") else "a person"
    if name.startswith("strategies/"):
        return "a person"
    if name == _ZONES and place[-1] == "live" and now is not _MISSING:
        return "two people" if now is not False else "a person"
    if name == _ZONES and place[-1] == "strategies" and (was is not _MISSING or place[0] == "defaults"):
        return "a person"
    is_retention = name == _ZONES and place[0] == "retention"  # what is removed cannot be brought back
    return "a person" if now is _MISSING or is_retention else "nobody"


def _is_looser(place: Place, was: Any, now: Any) -> bool:
    """Whether a limit lets more through: a higher maximum, a lower minimum, a weaker action, an override."""
    if place[0] == "overrides":
        return now not in (_MISSING, [], None)
    if place[-1] == "action" and now in _ACTIONS:
        return was not in _ACTIONS or _ACTIONS.index(now) < _ACTIONS.index(was)
    if place[-1] == "limit" and now == MARKET and len(place) > 1 and place[-2] in MARKET_KINDS:
        return bool(was != MARKET)  # the auction itself allows no more
    if place[-1] != "limit" or not _is_number(now):
        return False  # what is missing or no number denies
    if not _is_number(was):
        return True
    is_minimum = len(place) > 1 and str(place[-2]).startswith("min_")
    return bool(now < was if is_minimum else now > was)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _shown(value: Any) -> str | None:
    return None if value is _MISSING else str(value)
