"""Commands over versions: who serves, and what a person decided.

A person's decision is recorded before it is carried out; a page shows all of it.
"""

import json
import time
from datetime import date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import typer

from desk.models.champion import first_free_day, promote, rollback
from desk.models.decisions import explain_decision
from desk.models.dossier import dossier
from desk.models.family import Family
from desk.models.versions import models
from resources.identity.person import system_user
from resources.identity.roles import Role
from resources.identity.users import UserStore
from resources.models.registry import ModelRegistry
from resources.models.version import SPREAD_FAMILY, VersionFacts
from resources.settings.environment import Environment, read_environment
from resources.wiring import make_lake, make_registry
from spot.contracts.panel import DeliveryPanel
from spot.errors import ConfigurationError, ModelIntegrityError, ModelNotFoundError
from spot.forecast.members import load_settings_mapping, make_forecaster
from tests.support.narrow import some

ZONE = "BE"


def files(seed: int) -> dict[str, bytes]:
    history = DeliveryPanel(
        zone=ZONE,
        days=np.arange(np.datetime64("2024-01-01"), np.datetime64("2024-01-01") + 60),
        n_periods=np.full(60, 24),
        resolution_minutes=np.full(60, 60),
        prices=np.random.default_rng(seed).normal(60, 15, (60, 24)),
        inputs={},
        holiday_fraction=np.zeros(60),
    )
    return dict(
        make_forecaster(load_settings_mapping({"kind": "naive", "rule": "weekly"})).fit(history).to_files()
    )


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with three versions, made once: 1 served before 2, 3 is a challenger."""
    home = tmp_path_factory.mktemp("models") / "home"
    registry = make_registry(read_environment(home))
    for seed in (1, 2, 3):
        facts = VersionFacts(
            settings={"kind": "naive"},
            metrics={"mae_candidate": 5.0 + seed},
            fingerprint=f"f{seed}",
            lineage="simulated",
            trained_from=date(2024, 1, 1),
            trained_through=date(2024, 2, 29),
            serves_from=date(2024, 3, seed),
            tags={"data_version": f"training:{seed}", "cause": "schedule", "code_commit": "abc"},
        )
        registry.register(ZONE, files(seed), facts)
    return home


@pytest.fixture
def environment(prepared: Path, monkeypatch: pytest.MonkeyPatch) -> Environment:
    monkeypatch.setenv("SPOTDESK_HOME", str(prepared))
    for name in ("SPOTDESK_LAKE_URI", "MLFLOW_TRACKING_URI"):
        monkeypatch.delenv(name, raising=False)
    environment = read_environment()
    registry = make_registry(environment)
    registry.promote(ZONE, "1")
    registry.rollback(ZONE, "2")
    registry.set_stage(ZONE, "1", "champion")
    registry.set_stage(ZONE, "3", "challenger")
    registry.set_tag(
        ZONE, "3", "evaluation", json.dumps({"candidate": [3.0, 5.0, None], "champion": [4.0, 6.0, 5.0]})
    )
    return environment


def registry_of(environment: Environment) -> ModelRegistry:
    return make_registry(environment)


def test_models_says_which_version_serves(
    environment: Environment, capsys: pytest.CaptureFixture[str]
) -> None:
    models(zone=ZONE, as_json=True)
    rows = {row["version"]: row for row in json.loads(capsys.readouterr().out)}
    assert {version: row["stage"] for version, row in rows.items()} == {
        "1": "served",
        "2": "champion",
        "3": "challenger",
    }
    assert [version for version, row in rows.items() if row["serves_now"]] == ["2"]
    assert rows["3"]["data_version"] == "training:3"
    assert rows["3"]["model"] == "naive"
    assert rows["3"]["profile"] is None, "no file of conf/models has these very settings"
    assert (rows["3"]["untouched_days_mae"], rows["3"]["champion_mae"]) == (4.0, 5.0)
    assert rows["1"]["untouched_days_mae"] is None
    assert [version.stage for version in registry_of(environment).versions(ZONE)] == [
        "champion",
        "champion",
        "challenger",
    ]  # as it is decided with
    with pytest.raises(typer.Exit):
        models(zone="FR", as_json=True)


def test_rollback_is_at_once_recorded_and_goes_back_to_the_champion_before(
    environment: Environment, capsys: pytest.CaptureFixture[str]
) -> None:
    started = time.perf_counter()
    rollback(zone=ZONE, by="A. Trader", reason="strange prices", to=None, as_json=True)
    assert time.perf_counter() - started < 5.0
    told = json.loads(capsys.readouterr().out)
    assert told["champion"] == "1" == some(registry_of(environment).champion(ZONE)).version
    assert registry_of(environment).version(ZONE, "2").stage == "withdrawn"
    explain_decision(told["decision"]["decision_id"], zone=None, version=None, as_json=False)
    text = capsys.readouterr().out
    for word in ("rollback to version 1", "champion then: 2", "A. Trader", "strange prices", "training:1"):
        assert word in text
    explain_decision(None, zone=ZONE, version="2", as_json=False)
    assert "rollback to version 1" in capsys.readouterr().out, (
        "why a version was withdrawn is found by its own number"
    )


def test_promotion_by_a_person_names_the_person(
    environment: Environment, capsys: pytest.CaptureFixture[str]
) -> None:
    promote(
        zone=ZONE,
        version="3",
        by="A. Trader",
        reason="better by eye",
        signed_off_by=None,
        force=False,
        as_json=True,
    )
    assert json.loads(capsys.readouterr().out)["champion"] == "3"
    rows = make_lake(environment).read("promotion_decisions").filter(pl.col("candidate_version") == "3")
    assert rows["decided_by"].to_list() == [f"A. Trader (system user {system_user()})"]
    for by, reason in (("", "x"), ("policy", "x"), ("A. Trader", " ")):
        with pytest.raises(ConfigurationError):
            promote(
                zone=ZONE, version="1", by=by, reason=reason, signed_off_by=None, force=False, as_json=True
            )
    assert some(registry_of(environment).champion(ZONE)).version == "3"


@pytest.mark.parametrize(
    ("newest", "at", "expected"),
    [
        (None, "2025-06-10T08:00", None),
        (date(2025, 6, 10), "2025-06-10T08:00", date(2025, 6, 11)),  # tomorrow is still to be forecast
        (
            date(2025, 6, 11),
            "2025-06-10T09:30",
            date(2025, 6, 11),
        ),  # it is, and its gate is open: it will be forecast again
        (date(2025, 6, 11), "2025-06-10T10:30", date(2025, 6, 12)),  # its gate has closed
        (
            date(2025, 3, 1),
            "2025-06-10T08:00",
            date(2025, 3, 2),
        ),  # a desk that lives in the past, as the demo does
    ],
)
def test_a_promotion_by_hand_leaves_the_past_alone(
    newest: date | None, at: str, expected: date | None
) -> None:
    assert first_free_day(ZONE, newest, datetime.fromisoformat(f"{at}+00:00")) == expected


def test_who_serves_already_is_not_promoted_again(environment: Environment) -> None:
    before = make_lake(environment).read("promotion_decisions").height
    with pytest.raises(ConfigurationError, match="version 2 of BE serves already"):
        promote(zone=ZONE, version="2", by="A. Trader", reason="again", signed_off_by=None)
    assert make_lake(environment).read("promotion_decisions").height == before


def test_models_of_the_spread_are_listed_and_taken_back_by_the_same_commands(
    environment: Environment, capsys: pytest.CaptureFixture[str]
) -> None:
    spreads = registry_of(environment).of_family(SPREAD_FAMILY)
    for number in (1, 2):
        facts = VersionFacts(
            settings={},
            metrics={"pinball_loss": 4.0 + number, "pinball_loss_of_past_quantiles": 6.0},
            fingerprint=f"s{number}",
            lineage="simulated against intraday_vwap",
            trained_from=date(2024, 1, 1),
            trained_through=date(2024, 2, 29),
            serves_from=date(2024, 3, number),
            tags={"data_version": f"spread:{number}"},
        )
        spreads.promote(ZONE, spreads.register(ZONE, files(number), facts).version)
    capsys.readouterr()
    models(zone=ZONE, model=Family.SPREAD, as_json=True)
    rows = json.loads(capsys.readouterr().out)
    assert [(row["version"], row["serves_now"], row["untouched_days_pinball"]) for row in rows] == [
        ("1", "", 5.0),
        ("2", "yes", 6.0),
    ]
    rollback(zone=ZONE, by="A. Trader", reason="too sure", model=Family.SPREAD, as_json=True)
    assert json.loads(capsys.readouterr().out)["decision"]["model"] == f"settlement_spread.{ZONE}"
    assert some(spreads.champion(ZONE)).version == "1"
    assert some(registry_of(environment).champion(ZONE)).version == "2", "the price model is another"


def test_a_rejected_or_damaged_version_does_not_serve(
    environment: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry_of(environment).set_stage(ZONE, "3", "rejected")
    with pytest.raises(ConfigurationError, match="rejected"):
        promote(
            zone=ZONE, version="3", by="A. Trader", reason="x", signed_off_by=None, force=False, as_json=True
        )
    with pytest.raises(ModelNotFoundError):
        promote(
            zone=ZONE, version="9", by="A. Trader", reason="x", signed_off_by=None, force=False, as_json=True
        )

    def damaged(_self: Any, version: Any) -> None:
        raise ModelIntegrityError(f"version {version.version} is damaged")

    monkeypatch.setattr(ModelRegistry, "files", damaged)
    with pytest.raises(ModelIntegrityError):
        rollback(zone=ZONE, by="A. Trader", reason="x", to="1", as_json=True)
    assert some(registry_of(environment).champion(ZONE)).version == "2"


def test_a_zone_may_ask_for_a_second_person(
    environment: Environment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, project_root: Path
) -> None:
    for name in ("zones.yaml", "promotion.yaml"):
        (tmp_path / name).write_text((project_root / "resources/home/templates/conf" / name).read_text())
    settings = (tmp_path / "promotion.yaml").read_text().replace("sign_off_zones: []", "sign_off_zones: [BE]")
    (tmp_path / "promotion.yaml").write_text(settings)
    monkeypatch.setenv("SPOTDESK_CONF", str(tmp_path))
    store, password, other = UserStore(environment.home), tmp_path / "password", tmp_path / "other"
    password.write_text("a long enough password\n")
    other.write_text("another long password\n")
    store.add("ann", Role.TRADER, "a long enough password")
    store.add("bob", Role.TRADER, "another long password")
    store.add("vera", Role.VIEWER, "another long password")
    store.add("olga", Role.ADMIN, None)
    ask: dict[str, Any] = {
        "zone": ZONE,
        "version": "3",
        "reason": "x",
        "password_file": password,
        "as_json": True,
    }
    for second, file, why in (
        (None, other, "second person"),
        ("", other, "second person"),
        ("ANN ", password, "second person"),
        ("Nobody", other, "no user of the desk"),
        ("olga", other, "no user of the desk with a password"),
        ("bob", password, "password of bob is wrong"),
        ("vera", other, "viewer, who may not sign_off"),
    ):
        with pytest.raises(ConfigurationError, match=why):
            promote(by="ann", signed_off_by=second, second_password_file=file, **ask)
    with pytest.raises(ConfigurationError, match=r"'A\. Trader' is no user"):
        promote(by="A. Trader", signed_off_by="bob", second_password_file=other, **ask)
    with pytest.raises(ConfigurationError, match="never served"):
        rollback(zone=ZONE, by="ann", reason="x", to="3", as_json=True)
    assert some(registry_of(environment).champion(ZONE)).version != "3"
    promote(by="ann", signed_off_by="bob", second_password_file=other, **ask)
    assert some(registry_of(environment).champion(ZONE)).version == "3"
    rows = make_lake(environment).read("promotion_decisions").filter(candidate_version="3")
    assert rows["signed_off_by"].drop_nulls().to_list() == ["bob"]


def test_the_dossier_is_one_page_without_an_address_outside(
    environment: Environment, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "dossier.html"
    dossier(zone=ZONE, version="1", output=page, as_json=False)
    text = page.read_text()
    for word in (
        "SIMULATED",
        "REMIT II",
        "training:1",
        "every file has the checksum",
        "sha256",
        "risk_limits.yaml",
        "spotdesk halt",
        "spotdesk replay",
        "days it never saw",
        "inputs besides price and calendar",
        "levels",
    ):
        assert word in text
    assert "http://" not in text
    assert "https://" not in text
    assert "<script" not in text


def test_a_decision_is_asked_for_by_id_or_zone(environment: Environment) -> None:
    with pytest.raises(ConfigurationError):
        explain_decision(None, zone=None, version=None, as_json=True)
    with pytest.raises(typer.Exit):
        explain_decision("no-such-id", zone=None, version=None, as_json=True)
