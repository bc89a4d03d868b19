"""Settings hold once a person has accepted them; until then the accepted ones are in force."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from resources.home.make import make_home
from resources.settings.acceptance.changes import changes_between, digest_of, strictest
from resources.settings.acceptance.in_force import (
    DIGEST_VARIABLE,
    Signature,
    accept,
    adopt_harmless_changes,
    read_acceptance,
    settings_state,
)
from resources.settings.at_use import alert_channels, signal_webhook, signal_webhook_problem
from resources.settings.desk import desk_resource
from resources.settings.environment import read_environment
from resources.settings.policies import promotion_settings
from resources.trading.leases import LeaseStore
from resources.wall_clock import utc_now
from spot.errors import ConfigurationError


@pytest.fixture
def home(tmp_path: Path) -> Path:
    make_home(tmp_path / "desk")
    return tmp_path / "desk"


def signature(name: str, identity: str = "") -> Signature:
    return Signature(
        name=name, identity=identity or name.lower(), at_utc=utc_now().isoformat(), reason="agreed"
    )


def edit(home: Path, file: str, change: Callable[[dict[str, Any]], object]) -> None:
    path = home / "conf" / file
    document = yaml.safe_load(path.read_text())
    change(document)
    path.write_text(yaml.safe_dump(document))


def limits_in_force(home: Path) -> Any:
    return yaml.safe_load((read_environment(home).settings_folder / "risk_limits.yaml").read_text())


def raise_limit(book: dict[str, Any]) -> None:
    book["desk"]["max_gross_mw"]["limit"] = 2000


def lower_limit(book: dict[str, Any]) -> None:
    book["desk"]["max_gross_mw"]["limit"] = 20


def go_live(document: dict[str, Any]) -> None:
    document["zones"]["DE_LU"] = {"live": True}


def test_a_new_desk_on_paper_is_accepted(home: Path) -> None:
    state = settings_state(home, home / "conf")
    assert state.acceptance is not None
    assert state.changes == ()
    assert read_environment(home).settings_folder == home / "conf"


def test_a_changed_limit_waits_and_the_accepted_one_stays_in_force(home: Path) -> None:
    edit(home, "risk_limits.yaml", lower_limit)
    assert limits_in_force(home)["desk"]["max_gross_mw"]["limit"] == 200
    (change,) = settings_state(home, home / "conf").changes
    assert (change.setting, change.before, change.after, change.needs) == (
        "desk.max_gross_mw.limit",
        "200",
        "20",
        "a person",
    )
    accept(home, home / "conf", signature("Ann"))
    assert limits_in_force(home)["desk"]["max_gross_mw"]["limit"] == 20


@pytest.mark.parametrize(("file", "change"), [("risk_limits.yaml", raise_limit), ("zones.yaml", go_live)])
def test_what_lets_more_through_needs_two_different_people(
    home: Path, file: str, change: Callable[[dict[str, Any]], object]
) -> None:
    before = digest_of(home / "conf")
    edit(home, file, change)
    accept(home, home / "conf", signature("Ann"))
    for same in (signature("Ann", "other"), signature("Bob", "ann"), signature("ANN")):
        with pytest.raises(ConfigurationError, match=r"Ann .* has signed these settings already"):
            accept(home, home / "conf", same)
    assert digest_of(read_environment(home).settings_folder) == before
    acceptance, _ = accept(home, home / "conf", signature("Bob"))
    assert [one.name for one in acceptance.signatures] == ["Ann", "Bob"]
    assert read_environment(home).settings_folder == home / "conf"


def test_a_signature_does_not_count_for_other_settings(home: Path) -> None:
    edit(home, "risk_limits.yaml", raise_limit)
    accept(home, home / "conf", signature("Ann"))
    edit(home, "risk_limits.yaml", lambda book: book["desk"]["max_net_mw"].update(limit=9000))
    acceptance, _ = accept(home, home / "conf", signature("Bob"))
    assert [one.name for one in acceptance.waiting] == ["Bob"]
    assert limits_in_force(home)["desk"]["max_net_mw"]["limit"] == 150


def test_no_cut_of_the_promotion_settings_takes_the_second_signature_away(home: Path) -> None:
    path = home / "conf" / "promotion.yaml"
    edit(home, "promotion.yaml", lambda document: document.update(sign_off_zones=["DE_LU"]))
    accept(home, home / "conf", signature("Ann"))
    accept(home, home / "conf", signature("Bob"))
    whole = path.read_bytes()
    for length in range(0, len(whole), 7):
        path.write_bytes(whole[:length])
        assert promotion_settings(desk_resource(read_environment(home))).sign_off_zones == ("DE_LU",)
    path.unlink()
    assert promotion_settings(desk_resource(read_environment(home))).sign_off_zones == ("DE_LU",)


def test_a_file_that_cannot_be_read_is_named_and_not_accepted(home: Path) -> None:
    path = home / "conf" / "risk_limits.yaml"
    path.write_bytes(path.read_bytes().replace(b"desk:", b"desk\xff:", 1))
    assert limits_in_force(home)["desk"]["max_gross_mw"]["limit"] == 200
    with pytest.raises(
        ConfigurationError, match=r"risk_limits\.yaml: line \d+: holds bytes that are not UTF-8"
    ):
        accept(home, home / "conf", signature("Ann"))


def test_a_lost_setting_of_a_monitor_does_not_fall_back_to_its_default(home: Path) -> None:
    edit(home, "monitoring.yaml", lambda document: document.pop(next(iter(document))))
    assert read_environment(home).settings_folder == home / "accepted" / "conf"


def test_what_needs_nobody_holds_at_once_and_survives_a_later_change_that_waits(home: Path) -> None:
    edit(home, "zones.yaml", lambda document: document["defaults"].update(training_days=400))
    assert desk_resource(read_environment(home)).zone("FR").training_days == 400
    assert [change.setting for change in adopt_harmless_changes(home, home / "conf")] == [
        "defaults.training_days"
    ]
    edit(home, "risk_limits.yaml", lower_limit)
    assert desk_resource(read_environment(home)).zone("FR").training_days == 400
    assert limits_in_force(home)["desk"]["max_gross_mw"]["limit"] == 200


def test_a_comment_changes_nothing(home: Path) -> None:
    path = home / "conf" / "risk_limits.yaml"
    path.write_text(f"# checked\n{path.read_text()}")
    assert settings_state(home, home / "conf").changes == ()


def test_a_deployment_names_a_digest_that_was_accepted_elsewhere(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    edit(home, "risk_limits.yaml", raise_limit)
    monkeypatch.setenv(DIGEST_VARIABLE, digest_of(home / "conf"))
    assert limits_in_force(home)["desk"]["max_gross_mw"]["limit"] == 2000
    edit(home, "risk_limits.yaml", lambda book: book["desk"]["max_gross_mw"].update(limit=9000))
    assert limits_in_force(home)["desk"]["max_gross_mw"]["limit"] == 200


def test_a_desk_whose_settings_nobody_accepted_is_on_paper(home: Path) -> None:
    edit(home, "zones.yaml", go_live)
    LeaseStore(home).give("DE_LU", by="Ann", reason="test", now=utc_now())
    shutil.rmtree(home / "accepted")
    assert desk_resource(read_environment(home)).zone("DE_LU").live is False
    with pytest.raises(ConfigurationError, match="begins on paper"):
        accept(home, home / "conf", signature("Ann"))


def test_damage_to_what_was_accepted_is_refused_by_name(home: Path) -> None:
    edit(home, "risk_limits.yaml", lower_limit)
    copy = home / "accepted" / "conf" / "risk_limits.yaml"
    copy.write_text(copy.read_text().replace("200", "900", 1))
    with pytest.raises(ConfigurationError, match=r"the accepted settings in .* are damaged"):
        _ = read_environment(home).settings_folder
    record = home / "accepted" / "record.json"
    record.write_bytes(record.read_bytes()[:40])
    with pytest.raises(ConfigurationError, match=r"record\.json cannot be read"):
        read_acceptance(home)


def test_every_flipped_digit_of_a_limit_is_a_change(home: Path, tmp_path: Path) -> None:
    conf = Path(shutil.copytree(home / "conf", tmp_path / "conf"))
    path = conf / "risk_limits.yaml"
    text = path.read_text().partition("# A person may move")[0]
    spots = [at for at, sign in enumerate(text) if sign.isdigit() and "limit:" in text[at - 16 : at]]
    assert len(spots) > 100
    for at in spots[::5]:
        path.write_text(f"{text[:at]}{(int(text[at]) + 1) % 10}{text[at + 1 :]}")
        assert strictest(changes_between(home / "conf", conf)) != "nobody"


ALERTS_TO, SIGNALS_TO = "http://chat.example/token-sparrow", "http://exchange.example/token-sparrow"


def write_addresses(home: Path, alerts: str, signals: str) -> None:
    lines = (("SPOTDESK_WEBHOOK_URL", alerts), ("SPOTDESK_SIGNAL_WEBHOOK_URL", signals))
    (home / ".env").write_text("".join(f"{name}={value}\n" for name, value in lines if value))


@pytest.fixture
def sending(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A desk whose two addresses are accepted."""
    monkeypatch.setenv("SPOTDESK_HOME", str(home))
    for name in ("SPOTDESK_WEBHOOK_URL", "SPOTDESK_SIGNAL_WEBHOOK_URL"):
        monkeypatch.delenv(name, raising=False)
    write_addresses(home, ALERTS_TO, SIGNALS_TO)
    accept(home, home / "conf", signature("Ann"))
    return home


def test_a_changed_address_waits_and_nothing_is_sent_there(sending: Path) -> None:
    assert (alert_channels(), signal_webhook()["url"], signal_webhook_problem()) == (
        ALERTS_TO,
        SIGNALS_TO,
        "",
    )
    write_addresses(sending, "http://evil.example/a", "http://evil.example/b")
    state = settings_state(sending, sending / "conf")
    assert state.is_waiting
    assert [(one.file, one.setting, one.before, one.after, one.needs) for one in state.changes] == [
        (".env", "SPOTDESK_WEBHOOK_URL", "an address", "another address", "a person"),
        (".env", "SPOTDESK_SIGNAL_WEBHOOK_URL", "an address", "another address", "a person"),
    ]
    assert alert_channels() == ""
    assert "spotdesk settings accept" in signal_webhook_problem()
    assert adopt_harmless_changes(sending, sending / "conf") == []
    accept(sending, sending / "conf", signature("Bob"))
    assert alert_channels() == "http://evil.example/a"
    assert signal_webhook_problem() == ""


def test_the_record_of_addresses_holds_digests_with_a_salt_and_no_address(sending: Path) -> None:
    acceptance = read_acceptance(sending)
    assert acceptance is not None
    assert acceptance.destinations is not None
    assert set(acceptance.destinations) == {"SPOTDESK_WEBHOOK_URL", "SPOTDESK_SIGNAL_WEBHOOK_URL"}
    for path in (sending / "accepted").rglob("*"):
        if path.is_file():
            assert b"example" not in path.read_bytes()
            assert b"sparrow" not in path.read_bytes()
    salt = acceptance.salt
    accept(sending, sending / "conf", signature("Ann"))
    again = read_acceptance(sending)
    assert again is not None
    assert salt != again.salt != ""


def test_a_first_address_for_alerts_needs_nobody_and_one_for_signals_a_person(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SPOTDESK_HOME", str(home))
    write_addresses(home, ALERTS_TO, "")
    assert alert_channels() == ALERTS_TO
    assert [one.needs for one in adopt_harmless_changes(home, home / "conf")] == ["nobody"]
    write_addresses(home, "http://evil.example/a", "")
    assert alert_channels() == ""
    write_addresses(home, ALERTS_TO, SIGNALS_TO)
    assert alert_channels() == ALERTS_TO
    assert signal_webhook_problem()


def test_an_address_of_the_process_belongs_to_whoever_starts_it(
    sending: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_addresses(sending, "http://evil.example/a", "http://evil.example/b")
    monkeypatch.setenv("SPOTDESK_WEBHOOK_URL", "http://other.example/")
    monkeypatch.setenv("SPOTDESK_SIGNAL_WEBHOOK_URL", "http://other.example/")
    assert alert_channels() == "http://other.example/"
    assert signal_webhook_problem() == ""


def test_a_record_of_older_code_judges_no_address_until_it_is_accepted_again(sending: Path) -> None:
    record = sending / "accepted" / "record.json"
    document = json.loads(record.read_text())
    del document["destinations"], document["salt"]
    record.write_text(json.dumps(document))
    write_addresses(sending, "http://other.example/", "")
    assert alert_channels() == "http://other.example/"
    accept(sending, sending / "conf", signature("Ann"))
    write_addresses(sending, ALERTS_TO, "")
    assert alert_channels() == ""
