"""What is wrong with settings, in words: one form for every file of settings."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError

from spot.errors import ConfigurationError

Place = tuple[str | int, ...]
"""Names of settings from the top of a file down; a number counts the entries of a list, from 0."""
Settings = TypeVar("Settings", bound=BaseModel)

_EXPECTED = {
    "string": "text",
    "int": "a whole number",
    "float": "a number",
    "finite": "a finite number",
    "bool": "true or false",
    "tuple": "a list",
    "list": "a list",
    "dict": "a mapping (name: value)",
    "mapping": "a mapping (name: value)",
    "model": "a mapping (name: value)",
    "date": "a day such as 2026-03-29",
    "datetime": 'an instant such as "2026-03-29T12:00:00+00:00"',
}
"""First word of pydantic's type of error to what was expected."""
_BOUNDS = {
    "greater_than": "must be above {gt:g}",
    "greater_than_equal": "must be at least {ge:g}",
    "less_than": "must be below {lt:g}",
    "less_than_equal": "must be at most {le:g}",
    "string_pattern_mismatch": "must match the pattern {pattern}",
    "literal_error": "must be {expected}",
    "union_tag_invalid": "must be one of {expected_tags}",
}
_LONGEST_SHOWN = 60
"""Characters of a wrong value that a message repeats."""


@dataclass(frozen=True, slots=True)
class WrongSetting:
    """One setting and what is wrong with it."""

    place: Place
    problem: str

    def __str__(self) -> str:
        names = (f"entry {part + 1}" if isinstance(part, int) else part for part in self.place)
        return f"{'.'.join(names)}: {self.problem}" if self.place else self.problem


class WrongSettingsError(ConfigurationError):
    """Settings that are wrong, each with its place, so that whoever has read a file can name the lines."""

    def __init__(self, subject: str, wrong: Sequence[WrongSetting]) -> None:
        super().__init__(f"{subject}: {'; '.join(map(str, wrong))}")
        self.wrong = tuple(wrong)


def checked_settings(model: type[Settings], values: Mapping[str, Any], *, subject: str) -> Settings:
    """The settings that `values` holds. `subject` says in the error whose settings they are.

    Raises:
        WrongSettingsError: a name is unknown or missing, or a value is not allowed.
    """
    try:
        return model.model_validate(dict(values))
    except ValidationError as error:
        raise WrongSettingsError(subject, find_wrong(error, model)) from None


def chosen_by_name(values: Mapping[str, Any], key: str, known: Mapping[str, Any], *, subject: str) -> Any:
    """What `values` chooses from `known` by its setting `key`.

    Raises:
        WrongSettingsError: the setting is missing, or nothing has that name.
    """
    name = values.get(key)
    found = known.get(name) if isinstance(name, str) else None
    if found is None:
        given = f"{_shown(name)} is unknown, " if key in values else "is missing, "
        raise WrongSettingsError(subject, [WrongSetting((key,), given + nearest(name, known))])
    return found


def find_wrong(error: ValidationError, model: type[BaseModel], within: Place = ()) -> list[WrongSetting]:
    """Each wrong setting of `model`, whose settings stand at the place `within`."""
    wrong = (_wrong(dict(each), model) for each in error.errors(include_url=False))
    return [replace(one, place=(*within, *one.place)) for one in wrong]


def nearest(name: object, known: Collection[str]) -> str:
    """A hint for an unknown name: the nearest of `known`, or all of them."""
    near = get_close_matches(str(name), known, n=1)
    return f"did you mean {near[0]}?" if near else f"known are {', '.join(known)}"


def _wrong(each: Mapping[str, Any], model: type[BaseModel]) -> WrongSetting:
    place: Place = each["loc"]
    return WrongSetting(place, _problem(each["type"], each, _names_beside(model, place)))


def _problem(kind: str, each: Mapping[str, Any], names: Collection[str]) -> str:
    given, context = each["input"], each.get("ctx", {})
    if kind == "missing":
        return "is missing"
    if kind == "extra_forbidden":
        return f"no such setting, {nearest(each['loc'][-1], names)}"
    if kind in ("value_error", "assertion_error"):
        return str(context["error"])
    if kind in _BOUNDS:
        return f"{_BOUNDS[kind].format(**context)}, not {_shown(given)}"
    expected = _EXPECTED.get(kind.partition("_")[0])
    if expected is None:
        return f"{each['msg'][:1].lower()}{each['msg'][1:]}"
    # YAML reads yes, no, on and off as true and false.
    cure = ": put it in quotes" if expected == "text" and isinstance(given, bool | int | float) else ""
    return f"expected {expected}, not {_shown(given)}{cure}"


def _names_beside(model: type[BaseModel], place: Place) -> list[str]:
    """The names of the settings that may stand where `place` does."""
    models = [model]
    for part in place[:-1]:
        fields = [one.model_fields[part] for one in models if part in one.model_fields]
        # A number, or a key of a mapping, leads no further: the models of the field are those of its entries.
        models = [found for field in fields for found in _models_in(field.annotation)] if fields else models
    return list(dict.fromkeys(name for one in models for name in one.model_fields))


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in get_args(annotation):
        yield from _models_in(part)


def _shown(value: object) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Mapping):
        return "a mapping"
    if isinstance(value, list | tuple):
        return "a list"
    text = repr(value)
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}..."
