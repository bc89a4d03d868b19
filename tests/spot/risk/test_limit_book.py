from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from spot.contracts.words import LIMIT_SCOPES
from spot.risk.limit_book import LIMIT_KINDS, LimitBook, parse_limit_book, unreadable_book
from spot.risk.overrides import with_overrides

NOW = datetime(2025, 6, 1, 9, tzinfo=UTC)
DAY = date(2025, 6, 2)
ENTRY = {"limit": 5, "action": "reduce"}
SECTION = dict.fromkeys(LIMIT_KINDS, ENTRY)


def _book(**changes: Any) -> LimitBook:
    return parse_limit_book(
        {
            "desk": SECTION,
            "zones": {"default": SECTION, "SK": {"max_mw_per_mtu": {"limit": 2, "action": "halt"}}},
            "strategies": {"default": SECTION},
            **changes,
        }
    )


def _override(**changes: object) -> dict[str, object]:
    fields: dict[str, object] = {
        "scope": "zone",
        "zone": "SK",
        "strategy": "",
        "kind": "max_mw_per_mtu",
        "limit": 7,
        "name": "Ann",
        "reason": "cable test",
        "expires_utc": (NOW + timedelta(hours=1)).isoformat(),
    }
    return {**fields, **changes}


def test_the_project_s_own_limits_are_complete_and_usable(project_root: Path) -> None:
    book = parse_limit_book(
        yaml.safe_load((project_root / "resources/home/templates/conf" / "risk_limits.yaml").read_text())
    )
    for strategy in ("settlement_spread", "storage", "price_view"):
        limits = book.limits("SK", strategy, DAY)
        assert len(limits) == len(LIMIT_SCOPES) * len(LIMIT_KINDS)
        assert [limit.problem for limit in limits if limit.value is None] == []


def test_a_zone_s_own_entry_wins_over_the_default() -> None:
    found = {
        limit.scope: limit for limit in _book().limits("SK", "storage", DAY) if limit.kind == "max_mw_per_mtu"
    }
    assert (found["zone"].value, found["zone"].action) == (2.0, "halt")
    assert found["strategy"].value == 5.0
    assert {limit.value for limit in _book().limits("BE", "storage", DAY)} == {5.0}


@pytest.mark.parametrize(
    "value", [None, "5", float("nan"), float("inf"), True, -1, [5], {"limit": 5}, 10**400]
)
def test_a_limit_that_is_no_usable_number_is_none_and_says_why(value: Any) -> None:
    book = _book(desk={**SECTION, "max_gross_mw": {"limit": value, "action": "reduce"}})
    limit = next(
        limit
        for limit in book.limits("SK", "storage", DAY)
        if (limit.scope, limit.kind) == ("desk", "max_gross_mw")
    )
    assert limit.value is None
    assert limit.problem


_LEAF = st.none() | st.booleans() | st.floats() | st.text(max_size=5)
_NAMES = st.sampled_from(["desk", "zones", "strategies", "default", "overrides", *LIMIT_KINDS])


@given(
    document=st.recursive(
        _LEAF,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_NAMES, inner, max_size=4),
        max_leaves=20,
    )
)
def test_any_document_can_be_read_and_what_is_not_a_limit_denies(document: object) -> None:
    book = parse_limit_book(document)
    limits = book.limits("SK", "storage", DAY)
    assert len(limits) == len(LIMIT_SCOPES) * len(LIMIT_KINDS)
    assert all(limit.value is not None or limit.problem for limit in limits)
    book.overrides()


def test_an_unreadable_book_denies_everything() -> None:
    assert {limit.value for limit in unreadable_book("gone").limits("SK", "storage", DAY)} == {None}


def test_a_complete_override_moves_its_limit_until_it_expires() -> None:
    book = _book(overrides=[_override()])
    moved, events = with_overrides(
        book.limits("SK", "storage", DAY), book.overrides(), zone="SK", strategy="storage", as_of_utc=NOW
    )
    assert (
        next(limit.value for limit in moved if (limit.scope, limit.kind) == ("zone", "max_mw_per_mtu")) == 7.0
    )
    assert [(event.kind, event.value, event.limit_value) for event in events] == [("override", 7.0, 2.0)]
    assert "Ann: cable test" in events[0].detail
    late, events = with_overrides(
        book.limits("SK", "storage", DAY),
        book.overrides(),
        zone="SK",
        strategy="storage",
        as_of_utc=NOW + timedelta(hours=1),
    )
    assert late == book.limits("SK", "storage", DAY)
    assert events[0].kind == "override_rejected"
    assert (
        with_overrides(
            book.limits("BE", "storage", DAY), book.overrides(), zone="BE", strategy="storage", as_of_utc=NOW
        )[1]
        == ()
    )


@pytest.mark.parametrize(
    "change",
    [
        {"name": " "},
        {"reason": None},
        {"expires_utc": None},
        {"expires_utc": "2025-06-02T10:00:00"},
        {"limit": None},
        {"limit": -1},
    ],
)
def test_an_incomplete_override_is_refused_and_is_a_row(change: dict[str, int | str | None]) -> None:
    book = _book(overrides=[_override(**change)])
    limits, events = with_overrides(
        book.limits("SK", "storage", DAY), book.overrides(), zone="SK", strategy="storage", as_of_utc=NOW
    )
    assert limits == book.limits("SK", "storage", DAY)
    assert [event.kind for event in events] == ["override_rejected"]


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "max_mw_per_mut"},
        {"scope": "zones"},
        {"zone": ""},
        {"scope": "strategy"},
        {"kind": None, "scope": None},
    ],
    ids=str,
)
def test_an_override_that_names_no_limit_is_refused_aloud(change: dict[str, str | None]) -> None:
    book = _book(overrides=[_override(**change)])
    limits, events = with_overrides(
        book.limits("SK", "storage", DAY), book.overrides(), zone="SK", strategy="storage", as_of_utc=NOW
    )
    assert limits == book.limits("SK", "storage", DAY)
    assert [(event.kind, event.action) for event in events] == [("override_rejected", None)]
    assert "Ann" in events[0].detail
    assert events[0].scope in LIMIT_SCOPES


@pytest.mark.parametrize("entry", ["raise it", 7, None, ["a"]])
def test_an_override_that_is_no_mapping_is_refused_aloud(entry: int | list[str] | str | None) -> None:
    book = _book(overrides=[entry])
    events = with_overrides(
        book.limits("SK", "storage", DAY), book.overrides(), zone="SK", strategy="storage", as_of_utc=NOW
    )[1]
    assert [event.kind for event in events] == ["override_rejected"]


@pytest.mark.parametrize(
    ("day", "lowest", "highest"),
    [
        (date(2022, 5, 10), -500.0, 3000.0),
        (date(2026, 5, 28), -500.0, 4000.0),
        (date(2026, 5, 29), -600.0, 4000.0),
    ],
)
def test_a_collar_that_says_market_is_the_limit_of_the_auction_on_the_day(
    day: date, lowest: float, highest: float
) -> None:
    market = {"limit": "market", "action": "reduce"}
    section = {**SECTION, "min_price_eur_per_mwh": market, "max_price_eur_per_mwh": market}
    found = {
        limit.kind: limit.value
        for limit in _book(desk=section).limits("BE", "storage", day)
        if limit.scope == "desk"
    }
    assert (found["min_price_eur_per_mwh"], found["max_price_eur_per_mwh"]) == (lowest, highest)


def test_market_is_a_number_for_no_other_limit_and_in_no_unknown_zone() -> None:
    market = {"limit": "market", "action": "reduce"}
    section = {**SECTION, "max_mw_per_mtu": market, "max_price_eur_per_mwh": market}
    book = _book(desk=section)
    denied = {limit.kind for limit in book.limits("BE", "storage", DAY) if limit.value is None}
    assert denied == {"max_mw_per_mtu"}
    elsewhere = {limit.kind for limit in book.limits("XX", "storage", DAY) if limit.value is None}
    assert elsewhere == {"max_mw_per_mtu", "max_price_eur_per_mwh"}
