"""One desk of several copies sends the orders of a live zone, and every message says under which lease."""

import json
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

import pytest

from resources.home.make import make_home
from resources.home.marker import new_marker, read_marker
from resources.home.open import open_desk
from resources.settings.desk import desk_resource
from resources.settings.environment import read_environment
from resources.trading.leases import LeaseStore
from spot.errors import ConfigurationError
from spot.strategy.outbox.batch import make_batches
from spot.strategy.outbox.lease import Lease, assess_lease, next_number
from spot.strategy.proposals.settlement_spread import SettlementSpread
from spot.strategy.signals import decide_signals
from tests.support.people import accept_as_two_people
from tests.support.sample_market import ZONE, make_request

NOW = datetime(2026, 3, 1, 9, tzinfo=UTC)
LIVE = f"zones: {{{ZONE}: {{live: true}}, NL: {{}}}}\n"


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    home = tmp_path / "desk"
    make_home(home, settings={"zones.yaml": LIVE})
    accept_as_two_people(home)
    return home


def give(home: Path, now: datetime = NOW) -> Lease:
    return LeaseStore(home).give(ZONE, by="Ann", reason="the only desk", now=now)


def is_live(home: Path) -> bool:
    return desk_resource(read_environment(home)).zone(ZONE).live


def test_a_zone_is_live_only_where_its_settings_say_so_and_the_desk_has_the_lease(desk: Path) -> None:
    assert not is_live(desk)
    lease = give(desk)
    assert LeaseStore(desk).held(ZONE) == lease
    assert is_live(desk)
    assert not desk_resource(read_environment(desk)).zone("NL").live
    LeaseStore(desk).give_back(ZONE, by="Ann", reason="holiday", now=NOW)
    assert LeaseStore(desk).held(ZONE) is None
    assert not is_live(desk)


def test_a_copy_has_no_lease_before_and_after_it_is_opened_and_a_moved_desk_keeps_its_own(
    desk: Path, tmp_path: Path
) -> None:
    lease = give(desk)
    copy = tmp_path / "copy"
    shutil.copytree(desk, copy)
    assert LeaseStore(copy).held(ZONE) is None
    with pytest.raises(ConfigurationError, match="is a copy"):
        give(copy)
    open_desk(copy)
    assert LeaseStore(copy).held(ZONE) is None
    assert not is_live(copy)
    moved = desk.rename(tmp_path / "moved")
    assert LeaseStore(moved).held(ZONE) == lease
    assert is_live(moved)


def test_the_numbers_of_two_copies_never_meet_and_the_later_one_is_higher(desk: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(desk, copy)
    open_desk(copy)
    numbers = [
        give(home, NOW + timedelta(hours=hours)).number for hours, home in enumerate([desk, copy, desk, copy])
    ]
    assert numbers == sorted(set(numbers))


def test_a_clock_that_goes_back_gives_no_lower_number(desk: Path) -> None:
    first = give(desk)
    assert give(desk, NOW - timedelta(days=7)).number == first.number + 1
    assert next_number([], NOW) == int(NOW.timestamp())


def test_what_cannot_be_read_holds_no_lease_and_gives_none(desk: Path) -> None:
    give(desk)
    whole = (desk / "leases.json").read_text()
    for text in ("{", "[]", json.dumps({ZONE: 7}), json.dumps({ZONE: [{"is_held": True}]}), whole[:-20]):
        (desk / "leases.json").write_text(text)
        assert LeaseStore(desk).held(ZONE) is None, text
        with pytest.raises(ConfigurationError, match="restore it from a backup"):
            give(desk)
    (desk / "leases.json").write_text(whole)
    assert LeaseStore(desk).held(ZONE) is not None
    (desk / "desk.json").write_text("{")
    assert LeaseStore(desk).held(ZONE) is None


@pytest.mark.parametrize("kind", ["demo", "study"])
def test_a_demo_and_a_study_never_go_live(kind: Literal["demo", "study"], tmp_path: Path) -> None:
    new_marker(tmp_path, kind=kind, now=NOW)
    with pytest.raises(ConfigurationError, match="never goes live"):
        give(tmp_path)


@pytest.mark.parametrize(("by", "reason"), [("", "x"), ("Ann", " ")])
def test_a_lease_has_a_name_and_a_reason(by: str, reason: str, desk: Path) -> None:
    with pytest.raises(ConfigurationError, match="name of a person and a reason"):
        LeaseStore(desk).give(ZONE, by=by, reason=reason, now=NOW)


def test_what_another_desk_may_have_sent_never_leaves_again(desk: Path) -> None:
    """A restored desk knows signals that were decided before.

    Whoever decided them may have sent them since.
    """
    as_of = datetime(2025, 6, 2, 9, tzinfo=UTC)
    day = as_of.date() + timedelta(days=1)
    (batch,) = make_batches(
        decide_signals(make_request(day, SettlementSpread(), as_of_utc=as_of, mode="live")).frame
    )
    before = Lease(ZONE, 1, read_marker(desk).desk_id, as_of - timedelta(minutes=1))
    after = Lease(ZONE, 2, read_marker(desk).desk_id, as_of + timedelta(minutes=1))
    assert assess_lease(batch, before) == ()
    assert "another desk may have sent it" in assess_lease(batch, after)[0]
    assert "no lease" in assess_lease(batch, None)[0]
    (paper,) = make_batches(decide_signals(make_request(day, SettlementSpread(), as_of_utc=as_of)).frame)
    assert assess_lease(paper, None) == ()
