"""The package in `examples/`: installed as pip does it, found, and used for a whole short run."""

import json
import os
import shutil
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from resources.wall_clock import utc_now
from spot.simulation.market import simulate
from tests.support.people import accept_as_two_people

PACKAGE = "spotdesk-example 0.1.0"
pytestmark = pytest.mark.timeout(900)
_SMALL = (
    "defaults: {training_days: 90, minimum_training_days: 60, evaluation_days: 14, strategies:"
    " [example_last_week]}\n"
)


class Installed:
    """The example package in a folder of its own, and a desk whose commands see it."""

    def __init__(self, folder: Path, root: Path) -> None:
        self.root, self.packages, self.home = root, folder / "packages", folder / "desk"
        source = folder / "source"
        ignored = shutil.ignore_patterns("build", "*.egg-info", "__pycache__")
        shutil.copytree(root / "examples" / "spotdesk_example", source, ignore=ignored)
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-index"]
        subprocess.run(
            [*pip, "--no-deps", "--no-build-isolation", "--target", str(self.packages), str(source)],
            check=True,
        )
        made = self("init", str(self.home))
        assert made.returncode == 0, made.stderr

    def __call__(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run a command of `spotdesk` on the desk, in a process of its own."""
        variables = {"SPOTDESK_HOME": str(self.home), "PYTHONPATH": f"{self.packages}{os.pathsep}{self.root}"}
        return subprocess.run(
            [sys.executable, "-m", "desk.main", *words],
            env={**os.environ, **variables},
            cwd=self.packages,
            capture_output=True,
            text=True,
            check=False,
        )

    def json(self, *words: str) -> Any:
        """What a command prints as JSON."""
        done = self(*words, "--json")
        assert done.returncode in (0, 1), done.stderr
        return json.loads(done.stdout)


@pytest.fixture(scope="module")
def spotdesk(tmp_path_factory: pytest.TempPathFactory, project_root: Path) -> Installed:
    return Installed(tmp_path_factory.mktemp("example"), project_root)


def set_zone(spotdesk: Installed, text: str) -> None:
    (spotdesk.home / "conf" / "zones.yaml").write_text(f"{_SMALL}zones:\n  DE_LU: {text}\n")
    accept_as_two_people(spotdesk.home)


def test_its_three_classes_are_listed_with_the_package_and_the_settings_that_it_ships(
    spotdesk: Installed,
) -> None:
    (strategy,) = (row for row in spotdesk.json("strategies") if row["package"])
    assert (strategy["name"], strategy["settled_against"]) == ("example_last_week", "intraday_vwap")
    (profile,) = (row for row in spotdesk.json("profiles") if row["package"])
    assert (profile["profile"], profile["kind"], profile["explains"]) == (
        "example_mean",
        "example_mean",
        False,
    )
    (source,) = (row for row in spotdesk.json("sources") if row["package"])
    assert (source["source"], source["secrets"][0]["is_set"]) == ("example_json", False)
    assert {row["package"] for row in (strategy, profile, source)} == {PACKAGE}
    assert not any(row["problem"] for row in (strategy, profile, source))


def test_the_doctor_names_it(spotdesk: Installed) -> None:
    found = spotdesk.json("doctor", "--offline")
    plugins = {one["subject"]: one["state"] for one in found if one["subject"].startswith("plug-in")}
    assert plugins == {
        f"plug-in {name} of {PACKAGE}": "ok" for name in ("example_last_week", "example_mean", "example_json")
    }


@pytest.fixture(scope="module")
def traded(spotdesk: Installed) -> dict[str, Any]:
    """What `spotdesk run` says of two days of a simulated market."""
    set_zone(spotdesk, "{source: simulated, model: example_mean}")
    (row,) = spotdesk.json("run", "--zone", "DE_LU", "--from", "2025-03-01", "--to", "2025-03-02")["zones"]
    return dict(row)


@pytest.mark.slow
def test_a_zone_is_forecast_traded_and_settled_by_it(spotdesk: Installed, traded: Any) -> None:
    assert (traded["forecast_days"], traded["signal_days"]) == (2, 2)
    assert traded["orders"] > 0
    (version,) = spotdesk.json("models", "--zone", "DE_LU")
    assert (version["model"], version["profile"], version["serves_now"]) == (
        "example_mean",
        "example_mean",
        "yes",
    )
    (settled,) = spotdesk.json(
        "sql",
        "SELECT strategy, sum(pnl_eur) AS pnl, sum(perfect_foresight_eur) AS best FROM settlements GROUP"
        " BY 1",
    )
    assert settled["strategy"] == "example_last_week"
    assert settled["best"] > settled["pnl"]


@pytest.mark.slow
@pytest.mark.usefixtures("traded")
def test_its_signals_give_their_reasons_and_say_that_its_model_has_none(spotdesk: Installed) -> None:
    told = spotdesk("signals", "--zone", "DE_LU", "--day", "2025-03-02", "--explain")
    assert "intraday price of the last 7 days" in told.stdout
    assert "what moved the forecast is not known" in told.stdout + told.stderr


@pytest.mark.slow
@pytest.mark.usefixtures("traded")
def test_its_day_is_made_again_bit_for_bit(spotdesk: Installed) -> None:
    again = spotdesk("replay", "--zone", "DE_LU", "--day", "2025-03-02")
    assert again.returncode == 0, again.stdout + again.stderr


@pytest.mark.slow
def test_it_is_backtested_beside_itself_on_the_naive_forecast(spotdesk: Installed) -> None:
    found = spotdesk.json(
        "backtest", "--source", "simulated", "--zone", "DE_LU", "--from", "2025-03-01", "--to", "2025-03-07",
        "--profile", "example_mean", "--strategy", "example_last_week",
    )  # fmt: skip
    names = [row["strategy"] for row in found["figures"]]
    assert names == ["example_last_week/intraday_vwap", "naive forecast"]
    assert found["figures"][0]["n_traded_units"] > 0


@pytest.mark.slow
@pytest.mark.market_data
def test_its_model_is_benchmarked_and_sees_nothing_that_is_not_yet_known(
    spotdesk: Installed, market_data_dir: Path
) -> None:
    done = spotdesk(
        "benchmark", "epf", "--data", str(market_data_dir), "--market", "NP", "--profile", "example_mean",
        "--leak-check",
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "example_mean" in done.stdout


@pytest.mark.slow
def test_a_zone_lives_on_its_source(spotdesk: Installed, tmp_path: Path) -> None:
    last = utc_now().date() - timedelta(days=1)
    prices = simulate("DE_LU", last - timedelta(days=150), last, seed=3).tables["day_ahead_prices"]
    known = (
        prices.sort("available_at_utc").unique("delivery_start_utc", keep="last").sort("delivery_start_utc")
    )
    document = {
        start.isoformat(): price
        for start, price in known.select("delivery_start_utc", "price_eur_per_mwh").iter_rows()
    }
    (tmp_path / "DE_LU.json").write_text(json.dumps(document))
    home = ("--home", str(tmp_path / "desk"))
    made = spotdesk(
        "init", str(tmp_path / "desk"), "--zone", "DE_LU", "--source", "example_json",
        "--secret", f"example_json={tmp_path}",
    )  # fmt: skip
    assert made.returncode == 0, made.stderr
    (tmp_path / "desk" / "conf" / "zones.yaml").write_text(
        _SMALL.replace("example_last_week", "storage")
        + "zones: {DE_LU: {source: example_json, model: example_mean}}\n"
    )
    accept_as_two_people(tmp_path / "desk")
    run = spotdesk.json(
        "run", *home, "--zone", "DE_LU", "--source", "example_json", "--from", str(last), "--to", str(last)
    )
    assert (run["zones"][0]["source"], run["zones"][0]["forecast_days"]) == ("example_json", 1)
    held = spotdesk.json("sql", *home, "SELECT source, count(*) AS n FROM day_ahead_prices GROUP BY 1")
    assert held[0]["source"] == "example_json"
    assert held[0]["n"] > 60 * 96
