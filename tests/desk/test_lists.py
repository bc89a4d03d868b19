"""`spotdesk zones`, `sources`, `strategies` and `profiles`: what there is.

Plug-ins with their package, and doctor.
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from desk.main import app
from resources.home.make import make_home
from resources.plugins.members import MEMBERS
from resources.plugins.sources import SOURCES
from resources.plugins.strategies import STRATEGIES
from resources.settings.desk import desk_resource
from resources.settings.environment import read_environment
from spot.errors import ConfigurationError
from spot.market.zones import TRADED_ZONES
from tests.support.made_up_package import install
from tests.support.people import accept_as_two_people
from tests.support.plugins import forget_plugins

STRATEGY = """
from typing import Literal
from spot.strategy.proposals.settlement_spread import SettlementSpread

class Mine(SettlementSpread):
    strategy: Literal["acme_spread"] = "acme_spread"
"""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    make_home(tmp_path / "desk")
    monkeypatch.setenv("SPOTDESK_HOME", str(tmp_path / "desk"))
    monkeypatch.delenv("SPOTDESK_ENTSOE_TOKEN", raising=False)
    return tmp_path / "desk"


@pytest.fixture
def packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder of installed packages."""
    folder = tmp_path / "packages"
    folder.mkdir()
    monkeypatch.syspath_prepend(str(folder))
    before = set(sys.modules)
    forget_plugins()
    yield folder
    for name in {name for name in set(sys.modules) - before if name.startswith("acme")}:
        del sys.modules[name]
    forget_plugins()


def rows(*words: str) -> list[dict[str, Any]]:
    done = CliRunner().invoke(app, [*words, "--json"])
    assert done.exit_code == 0, done.output
    return list(json.loads(done.output))


def test_every_zone_that_can_be_traded_is_listed_with_its_next_gate(home: Path) -> None:
    listed = {row["zone"]: row for row in rows("zones")}
    assert set(listed) == {name for name, zone in TRADED_ZONES.items() if zone.last_day is None}
    assert "DE_AT_LU" not in listed
    assert "energy_charts" in listed["DE_LU"]["prices_from"]
    assert listed["UA"]["prices_from"] == "your files"
    assert (listed["DE_LU"]["mtu_minutes"], listed["DE_LU"]["currency"]) == (15, "EUR")
    assert listed["DE_LU"]["gate_local"] == "12:00 Europe/Brussels"
    assert (listed["DE_LU"]["on_the_desk"], listed["GB"]["on_the_desk"]) == ("yes", "")


@pytest.mark.parametrize("name", sorted(TRADED_ZONES))
def test_all_of_a_zone_is_told_with_what_each_source_has(home: Path, name: str) -> None:
    (told,) = rows("zones", "--zone", name)
    assert told["zone"] == name
    assert told["dates_from"]
    assert told["holidays"]
    assert "day_ahead" in told["gates_utc"]
    assert told["price_limits"].endswith(f"{told['currency']}/MWh")


def test_a_zone_that_ended_is_told_as_of_its_last_day(home: Path) -> None:
    (old,) = rows("zones", "--zone", "DE_AT_LU")
    assert (old["last_day"], old["price_limits"]) == ("2018-09-30", "-500 to 3000 EUR/MWh")
    (today,) = rows("zones", "--zone", "SI")
    assert set(today["gates_utc"]) == {"day_ahead", "ida1", "ida2", "ida3"}
    assert (today["price_limits"], today["mtu_minutes"]) == ("-600 to 4000 EUR/MWh", 15)
    assert "net_transfer_capacities" in today["entsoe"]
    said = CliRunner().invoke(app, ["zones", "--zone", "GB"]).output
    assert "left the coupling on 2021-01-01" in said
    assert "Europe/London" in said


def test_every_source_is_listed_with_its_keys_and_whether_they_are_set(home: Path) -> None:
    (home / ".env").write_text("SPOTDESK_PJM_KEY=canary-11\n")
    done = CliRunner().invoke(app, ["sources", "--json"])
    listed = {row["source"]: row for row in json.loads(done.output)}
    assert set(listed) == {"simulated", "files", *SOURCES.built_in}
    assert "canary-11" not in done.output
    keys = {
        name: [(one["variable"], one["is_set"]) for one in row["secrets"]] for name, row in listed.items()
    }
    assert keys["pjm"] == [("SPOTDESK_PJM_KEY", True)]
    assert keys["entsoe"] == [("SPOTDESK_ENTSOE_TOKEN", False)]
    assert keys["smard"] == []
    assert listed["simulated"]["zones"] == ["DE_LU", "FR"]


def test_every_settings_file_is_listed_with_its_class_and_users(home: Path) -> None:
    (home / "conf" / "strategies" / "broken.yaml").write_text("strategy: storage\npower: 3\n")
    listed = {row["name"]: row for row in rows("strategies")}
    assert {row["strategy"] for row in listed.values()} == set(STRATEGIES.built_in)
    assert listed["settlement_spread"]["zones"] == "DE_LU FR"
    assert listed["settlement_spread"]["needs_spread_model"]
    assert "power: no such setting, " in listed["broken"]["problem"]
    profiles = {row["profile"]: row for row in rows("profiles")}
    assert {row["kind"] for row in profiles.values()} == set(MEMBERS.built_in)
    assert (profiles["fast"]["explains"], profiles["lear"]["explains"]) == (True, False)


def test_a_plugin_is_listed_with_its_package_and_a_broken_one_with_the_reason(
    home: Path, packages: Path
) -> None:
    install(packages, "acme_good", STRATEGY, {"spotdesk.strategies": {"acme_spread": "acme_good:Mine"}})
    install(packages, "acme_bad", "1 / 0", {"spotdesk.models": {"acme": "acme_bad:Any"}})
    (line,) = (row for row in rows("strategies") if row["package"])
    assert (line["name"], line["strategy"], line["package"]) == (None, "acme_spread", "acme_good 1.2")
    (home / "conf" / "strategies" / "mine.yaml").write_text("strategy: acme_spread\n")
    (line,) = (row for row in rows("strategies") if row["package"])
    assert (line["name"], line["settled_against"], line["problem"]) == ("mine", "intraday_vwap", "")
    (line,) = (row for row in rows("profiles") if row["package"])
    assert "ZeroDivisionError" in line["problem"]


def test_the_doctor_names_every_plugin_and_fails_where_a_zone_asks_for_a_broken_one(
    home: Path, packages: Path
) -> None:
    install(packages, "acme_bad", "1 / 0", {"spotdesk.models": {"acme": "acme_bad:Any"}})
    done = CliRunner().invoke(app, ["doctor", "--zone", "FR", "--offline", "--json"])
    found = {(one["zone"], one["subject"]): one for one in json.loads(done.output)}
    plugin = found["desk", "plug-in acme of acme_bad 1.2"]
    assert (plugin["state"], "ZeroDivisionError" in plugin["detail"]) == ("warn", True)
    assert found["FR", "model profile fast"]["state"] == "ok"
    (home / "conf" / "models" / "mine.yaml").write_text("kind: acme\n")
    (home / "conf" / "zones.yaml").write_text("zones: {FR: {model: mine}}\n")
    done = CliRunner().invoke(app, ["doctor", "--offline", "--json"])
    found = {(one["zone"], one["subject"]): one for one in json.loads(done.output)}
    profile = found["FR", "model profile mine"]
    assert (profile["state"], "acme_bad 1.2" in profile["detail"]) == ("fail", True)
    assert done.exit_code == 1


def test_settings_that_a_package_ships_are_found_and_those_of_the_desk_go_before(
    home: Path, packages: Path
) -> None:
    shipped = packages / "acme_package" / "conf" / "strategies"
    shipped.mkdir(parents=True)
    (shipped / "mine.yaml").write_text("strategy: acme_spread\nmax_mw: 3.0\n")
    (shipped.parents[1] / "__init__.py").write_text(STRATEGY)
    install(packages, "acme_entry", "", {"spotdesk.strategies": {"acme_spread": "acme_package:Mine"}})
    (line,) = (row for row in rows("strategies") if row["package"])
    assert (line["name"], line["problem"]) == ("mine", "")
    (home / "conf" / "strategies" / "mine.yaml").write_text("strategy: storage\n")
    (line,) = (row for row in rows("strategies") if row["name"] == "mine")
    assert (line["strategy"], line["package"]) == ("storage", "")


def test_a_file_that_the_desk_lacks_is_told_with_where_it_is_or_with_the_nearest_name(home: Path) -> None:
    (home / "conf" / "strategies" / "storage.yaml").unlink()
    accept_as_two_people(home)
    desk = desk_resource(read_environment())
    with pytest.raises(
        ConfigurationError, match=r"no file .*storage\.yaml: copy .*templates/conf/strategies/storage"
    ):
        desk.document("strategies", "storage")
    with pytest.raises(ConfigurationError, match=r"no file .*models/fats\.yaml: did you mean fast\?"):
        desk.document("models", "fats")
