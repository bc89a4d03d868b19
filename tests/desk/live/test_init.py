"""`spotdesk init`, as a person uses it."""

import stat
from pathlib import Path

import pytest
import yaml

from desk.main import app
from tests.support.commands import RUNNER, call

GROUPS = ["settlement_spread", "storage_groups"]
"""What a zone gets whose exchange takes exclusive groups."""


def test_init_writes_zones_and_a_token_that_only_its_owner_reads(home: Path) -> None:
    (home / "home" / ".env").write_text("SPOTDESK_WEBHOOK_URL=x\n")
    done = call(
        "init",
        "--zone",
        "DE_LU",
        "--zone",
        "NL",
        "--source",
        "entsoe",
        "--fallback",
        "smard",
        "--entsoe-token",
        "secret-1",
        "--json",
    )
    assert done.exit_code == 0, done.output
    assert "secret-1" not in done.output
    zones = yaml.safe_load((home / "conf" / "zones.yaml").read_text())
    assert list(zones["zones"]) == ["DE_LU", "NL"]
    assert zones["zones"]["NL"] == {
        "source": "entsoe",
        "fallback_sources": {"day_ahead_prices": ["smard"]},
        "strategies": GROUPS,
    }
    assert zones["defaults"]["training_days"] == 730
    assert (home / "home" / ".env").read_text() == "SPOTDESK_WEBHOOK_URL=x\nSPOTDESK_ENTSOE_TOKEN=secret-1\n"
    assert stat.S_IMODE((home / "home" / ".env").stat().st_mode) == 0o600


def test_init_keeps_what_a_zone_has_and_loses_nothing_unasked(home: Path) -> None:
    path = home / "conf" / "zones.yaml"
    assert call("init", "--zone", "DE_LU", "--source", "energy_charts").exit_code == 0
    path.write_text(path.read_text() + "    training_days: 400\n")
    assert call("init", "--zone", "DE_LU", "--source", "smard").exit_code == 0
    assert yaml.safe_load(path.read_text())["zones"]["DE_LU"]["training_days"] == 400
    before = path.read_text()
    with pytest.raises(Exception, match="settings of their own"):
        raise call("init", "--zone", "NL", "--source", "smard").exception  # type: ignore[misc]
    assert path.read_text() == before
    assert call("init", "--zone", "NL", "--source", "smard", "--force").exit_code == 0


@pytest.mark.parametrize(
    "words",
    [
        ("--zone", "XX", "--source", "smard"),
        ("--zone", "NL", "--source", "nope"),
        ("--zone", "NL"),
        ("--source", "smard"),
    ],
)
def test_init_refuses_what_it_does_not_know(words: tuple[str, ...], home: Path) -> None:
    before = (home / "conf" / "zones.yaml").read_text()
    assert call("init", *words).exit_code != 0
    assert (home / "conf" / "zones.yaml").read_text() == before


def test_init_adds_a_zone_beside_the_others_and_forgets_fallbacks_that_are_not_named(home: Path) -> None:
    path = home / "conf" / "zones.yaml"
    assert call("init", "--zone", "DE_LU", "--source", "energy_charts", "--fallback", "smard").exit_code == 0
    path.write_text(path.read_text() + "    training_days: 400\n")
    done = call("init", "--add", "--zone", "NL", "--source", "entsoe", "--own-forecasts")
    assert done.exit_code == 0, done.output
    zones = yaml.safe_load(path.read_text())["zones"]
    assert (list(zones), zones["DE_LU"]["training_days"], zones["NL"]) == (
        ["DE_LU", "NL"],
        400,
        {"source": "entsoe", "own_forecasts": True, "strategies": GROUPS},
    )
    assert "SPOTDESK_ENTSOE_TOKEN" in done.output
    assert "spotdesk backfill --zone NL --from" in done.output
    assert call("init", "--add", "--zone", "DE_LU", "--source", "smard").exit_code == 0
    assert yaml.safe_load(path.read_text())["zones"]["DE_LU"] == {
        "training_days": 400,
        "source": "smard",
        "strategies": GROUPS,
    }


def test_init_in_an_empty_folder_brings_all_settings_and_gives_each_zone_a_source_that_knows_it(
    tmp_path: Path, project_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SPOTDESK_HOME", str(tmp_path))
    words = (
        "--source",
        "energy_charts",
        "--fallback",
        "smard",
        "--fallback",
        "elexon",
        "--fallback",
        "ercot",
    )
    done = call("init", "--zone", "DE_LU", "--zone", "GB", "--zone", "ERCOT_NORTH_HUB", *words)
    assert done.exit_code == 0, done.output
    assert "GB: none of" in done.output.replace("\n", " ")
    zones = yaml.safe_load((tmp_path / "conf" / "zones.yaml").read_text())["zones"]
    assert [zones[name]["source"] for name in zones] == ["energy_charts", "elexon", "ercot"]
    assert "# profile in conf/models" in (tmp_path / "conf" / "zones.yaml").read_text(), (
        "the defaults come with their words"
    )
    assert zones["ERCOT_NORTH_HUB"]["strategies"] == ["real_time_spread", "storage"]
    given = {
        path.relative_to(project_root / "resources/home/templates/conf")
        for path in (project_root / "resources/home/templates/conf").rglob("*.yaml")
    }
    assert {path.relative_to(tmp_path / "conf") for path in (tmp_path / "conf").rglob("*.yaml")} == given
    template = project_root / "resources/home/templates/conf/zones.yaml"
    assert "ERCOT_NORTH_HUB" not in template.read_text(), "the checkout is never touched"
    with pytest.raises(Exception, match="have nothing for"):
        raise call("init", "--zone", "ERCOT_NORTH_HUB", "--source", "smard", "--force").exception  # type: ignore[misc]


def test_init_puts_keys_of_any_source_where_only_their_owner_reads_them(home: Path) -> None:
    (home / "home" / ".env").write_text("")
    words = ("--secret", "ercot=key-1", "--secret", "ercot_username=me", "--secret", "ercot_password=-")
    done = RUNNER.invoke(
        app, ["init", "--zone", "ERCOT_NORTH_HUB", "--source", "ercot", "--force", *words], input="word-1\n"
    )
    assert done.exit_code == 0, done.output
    assert (
        home / "home" / ".env"
    ).read_text() == "SPOTDESK_ERCOT_KEY=key-1\nSPOTDESK_ERCOT_USERNAME=me\nSPOTDESK_ERCOT_PASSWORD=word-1\n"
    assert "word-1" not in done.output
    assert (
        call("init", "--zone", "NL", "--source", "smard", "--force", "--secret", "unknown=1").exit_code != 0
    )
