"""A desk on its own files: sample data, ingest, SQL, a first version, and new files day after day."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from desk.main import app
from spot.errors import ConfigurationError

FIRST, LAST = "2024-01-01", "2024-03-24"


class OwnDesk:
    """A desk on files for NL, and its commands."""

    def __init__(self, folder: Path, root: Path) -> None:
        self.folder, self.root, self.home = folder, root, folder / "desk"
        self.done("init", str(self.home), "--zone", "NL", "--source", "files")

    def call(self, *words: str) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "SPOTDESK_HOME": str(self.home), "POLARS_MAX_THREADS": "1"}
        command = [sys.executable, "-m", "desk.main", *words]
        return subprocess.run(
            command,
            cwd=self.root,
            env=environment | {"OMP_NUM_THREADS": "1"},
            capture_output=True,
            text=True,
            check=False,
        )

    def done(self, *words: str) -> str:
        found = self.call(*words)
        assert found.returncode == 0, found.stderr[-2000:]
        return found.stdout

    def sample(self, name: str, first: str, last: str) -> Path:
        said = self.done("sample-files", str(self.folder / name), "--from", first, "--to", last, "--json")
        return Path(json.loads(said)[0]["file"])


@pytest.fixture
def desk(tmp_path: Path, project_root: Path) -> OwnDesk:
    return OwnDesk(tmp_path, project_root)


def test_sample_files_are_ingested_and_can_be_queried_at_once(desk: OwnDesk) -> None:
    assert (desk.home / "market_data").is_dir()
    refused = desk.call("run", "--zone", "NL", "--from", "2024-03-20", "--to", "2024-03-20")
    assert refused.returncode == 2
    assert "spotdesk ingest FILE --zone NL" in refused.stderr
    file = desk.sample("data", "2024-03-01", "2024-03-03")
    (rows, *_) = json.loads(desk.done("ingest", str(file), "--zone", "NL", "--json"))
    assert (rows["table"], rows["new"], rows["quarantined"]) == ("day_ahead_prices", 72, 0)
    asked = "select count(*) as n from day_ahead_prices where zone = 'NL'"
    assert json.loads(desk.done("sql", asked, "--json")) == [{"n": 72}]


@pytest.mark.parametrize(
    "words",
    [("--from", "2024-03-02", "--to", "2024-03-01"), ("--zone", "NOWHERE"), ("--from", "2010-01-01")],
)
def test_sample_files_refuses_what_it_cannot_make(words: tuple[str, ...], tmp_path: Path) -> None:
    arguments = ["sample-files", str(tmp_path / "none"), *words]
    found = CliRunner().invoke(app, arguments)
    assert isinstance(found.exception, ConfigurationError)
    assert not (tmp_path / "none").exists()


@pytest.mark.slow
def test_the_desk_goes_on_with_new_files_in_its_folder(desk: OwnDesk) -> None:
    desk.done("ingest", str(desk.sample("data", FIRST, LAST)), "--zone", "NL")
    trained = desk.done("retrain", "--zone", "NL", "--by", "a person", "--reason", "a first version")
    assert "version 1" in trained
    for day in (25, 26):
        file = desk.sample(f"day{day}", f"2024-03-{day}", f"2024-03-{day}")
        file.rename(desk.home / "market_data" / f"NL_{day}.csv")
        said = json.loads(
            desk.done("run", "--zone", "NL", "--from", f"2024-03-{day}", "--to", f"2024-03-{day}", "--json")
        )
        (zone,) = said["zones"]
        assert said["blocked_days"] == []
        assert (zone["source"], zone["forecast_days"], zone["signal_days"]) == ("files", 1, 1)
        assert zone["mae_eur_per_mwh"] < 100


def test_a_zone_with_little_history_is_not_to_be_traded_and_says_why(desk: OwnDesk) -> None:
    file = desk.sample("data", "2024-03-01", "2024-03-10")
    file.rename(desk.home / "market_data" / "NL.csv")
    found = desk.call("assess", "--zone", "NL", "--json")
    assert found.returncode == 1, found.stderr[-2000:]
    said = json.loads(found.stdout)
    assert said["advice"] == {
        "trades": False,
        "reasons": ["there are prices of 10 days, 102 are needed"],
        "strategies": [],
    }
    assert said["proposed_limits"] == {}
    assert said["tables"]["day_ahead_prices"] == "files"


@pytest.mark.slow
def test_a_new_zone_is_loaded_trained_and_judged_without_a_hand(desk: OwnDesk) -> None:
    file = desk.sample("data", "2023-12-01", "2024-04-30")
    file.rename(desk.home / "market_data" / "NL.csv")
    found = desk.call("assess", "--zone", "NL", "--days", "35", "--json")
    said = json.loads(found.stdout)
    assert found.returncode == (0 if said["advice"]["trades"] else 1)
    assert said["versions"][0].startswith("version 1")
    assert sum(said["seconds"].values()) < 300
    assert "mean absolute error" in said["advice"]["reasons"][0]
    for name in said["advice"]["strategies"]:
        assert any(text.startswith(f"{name}: edge") for text in said["advice"]["reasons"])
    assert bool(said["proposed_limits"]) == said["advice"]["trades"]
    text = (desk.home / "conf" / "risk_limits.yaml").read_text(encoding="utf-8")
    assert "NL:" not in text, "the proposal is not written"
