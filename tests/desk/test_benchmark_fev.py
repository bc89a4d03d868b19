"""`spotdesk benchmark fev`: our scores beside the published ones, and when they cannot be compared."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from typer.testing import CliRunner, Result

from desk.benchmark.command import app
from desk.benchmark.data import EPF_MARKETS, read_epf_market
from desk.benchmark.fev import N_DAYS, fev_rows, ranked, unlike_published
from desk.benchmark.run import BenchmarkRun
from spot.contracts.panel import DeliveryPanel
from spot.scores.scaled import daily_scales, mean_scaled_error
from tests.support.epf_market import epf_frame

LEVELS = tuple(round(level / 10, 1) for level in range(1, 10))


@pytest.fixture
def panel(tmp_path: Path) -> DeliveryPanel:
    epf_frame(60).write_parquet(tmp_path / "epf_np.parquet")
    return read_epf_market(tmp_path, "NP")


def run_that_misses_by(panel: DeliveryPanel, error: float) -> BenchmarkRun:
    """A run over the last 30 days that is wrong by `error` EUR/MWh and certain of it."""
    points = panel.prices[-30:] + error
    quantiles = np.repeat(points[..., None], len(LEVELS), axis=2)
    return BenchmarkRun(points=points, quantiles=quantiles, levels=LEVELS, first_row=30, figures={})


def test_our_rows_have_the_error_of_the_last_twenty_days(panel: DeliveryPanel) -> None:
    rows = fev_rows("NP", {"fast": run_that_misses_by(panel, 2.0)}, panel)
    ours = next(row for row in rows if row["model"] == "Spotdesk fast")
    scales = daily_scales(panel.prices, N_DAYS)
    assert ours["mase"] == pytest.approx(np.mean(2.0 / scales))
    assert ours["sql"] == pytest.approx(np.mean(2.0 / scales)), "all mass on one wrong value"
    naive = next(row for row in rows if row["is_ours"] and row["model"] == "seasonal naive")
    yesterday = panel.prices[-N_DAYS - 1 : -1]
    assert naive["mase"] == pytest.approx(mean_scaled_error(panel.prices[-N_DAYS:], yesterday, scales))


def test_a_perfect_forecast_is_the_best_in_its_market(panel: DeliveryPanel) -> None:
    runs = {"good": run_that_misses_by(panel, 0.0), "bad": run_that_misses_by(panel, 500.0)}
    for score in ("mase", "sql"):
        table = ranked(fev_rows("NP", runs, panel), score)
        assert (table[0]["model"], table[0]["n_best"], table[0]["mean"]) == ("Spotdesk good", 1, 0.0)
        assert table[-1]["model"] == "Spotdesk bad"
        assert [row["model"] for row in table].count("seasonal naive") == 1


def test_every_published_model_has_every_market() -> None:
    published = pl.read_csv(Path(__file__).parents[2] / "desk" / "benchmark" / "fev_published.csv")
    held = {model: set(rows["market"]) for (model,), rows in published.group_by("model")}
    assert len(held) == 7
    assert all(markets == set(EPF_MARKETS) for markets in held.values())
    assert published.select(pl.col("mase", "sql").is_between(0.1, 3).all()).row(0) == (True, True)


def invoke(data: Path, options: Sequence[str]) -> Result:
    return CliRunner().invoke(app, ["fev", "--data", str(data), "--market", "NP", *options])


def test_other_data_than_that_of_the_tasks_is_told_and_exits_with_1(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SPOTDESK_HOME", str(tmp_path / "home"))
    epf_frame(820).write_parquet(tmp_path / "epf_np.parquet")
    done = invoke(tmp_path, ["--profile", "naive", "--json"])
    assert done.exit_code == 1, done.output
    assert "the seasonal naive of NP is not the published one" in done.stderr
    tables = json.loads(done.stdout)
    assert set(tables) == {"mase", "sql"}
    assert {row["model"] for row in tables["mase"]} >= {"Spotdesk naive", "Chronos-2", "seasonal naive"}


def test_the_published_reference_is_recognised() -> None:
    rows = [
        {"market": "NP", "model": "seasonal naive", "mase": 1.76131, "sql": None, "is_ours": True},
        {"market": "NP", "model": "seasonal naive", "mase": 1.7613, "sql": 1.5298, "is_ours": False},
    ]
    assert unlike_published(rows) == []
    assert unlike_published([{**rows[0], "mase": 1.7614}, rows[1]]) == ["NP"]


@pytest.mark.parametrize("options", [["--market", "XX"], ["--profile", "nothing"]])
def test_what_is_not_there_is_named(tmp_path: Path, options: list[str]) -> None:
    epf_frame(60).write_parquet(tmp_path / "epf_np.parquet")
    done = invoke(tmp_path, options)
    assert done.exit_code != 0
    assert options[1].lower() in str(done.exception).lower()
