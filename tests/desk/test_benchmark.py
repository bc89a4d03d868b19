"""The benchmark commands on made-up files; the download against a server of our own; one real market."""

import hashlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from typer.testing import CliRunner

from desk.benchmark.command import app
from desk.benchmark.data import read_epf_market, read_zone, zones_in
from desk.benchmark.download import download_record
from desk.benchmark.job import BenchmarkJob
from resources.home.find import PROJECT_ROOT
from spot.errors import ConfigurationError, ContractError, SourceUnavailableError, SpotdeskError
from tests.support.epf_market import epf_frame


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SPOTDESK_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def test_epf_prints_one_object_per_market_and_remembers_it(tmp_path: Path, home: Path) -> None:
    frame = epf_frame(820)
    frame.write_parquet(tmp_path / "epf_np.parquet")
    test = frame.tail(728 * 24)
    test.select("ts_local", "price", dnn_ensemble=pl.col("price") + 20.0).write_parquet(
        tmp_path / "epf_published_forecasts_np.parquet"
    )
    command = [
        "epf",
        "--data",
        str(tmp_path),
        "--market",
        "np",
        "--profile",
        "naive",
        "--leak-check",
        "--json",
    ]
    first = CliRunner().invoke(app, command)
    assert first.exit_code == 0, first.output
    (row,) = json.loads(first.stdout)
    assert row["market"] == "NP"
    assert row["profile"] == "naive"
    assert row["rmae"] == pytest.approx(1.0)
    assert row["n_days"] == 728
    assert row["is_leak_free"] is True
    assert row["coverage_80"] == pytest.approx(0.8, abs=0.02)
    (published,) = row["published"]
    assert published["against"] == "dnn_ensemble"
    assert published["dm_p"] < 1e-6
    assert published["gw_p"] < 1e-6
    assert all(
        row[key] >= 0
        for key in ("cpu_s", "cpu_fit_s", "cpu_walk_forward_s", "cpu_served_day_ms", "peak_memory_mib")
    )
    files = list((home / "benchmarks").glob("*.npz"))
    changed = files[0].stat().st_mtime_ns
    assert CliRunner().invoke(app, command).stdout == first.stdout
    assert files[0].stat().st_mtime_ns == changed


def wait_for(condition: Callable[..., Any], seconds: int = 300) -> Any:
    until = time.monotonic() + seconds
    while not (found := condition()) and time.monotonic() < until:
        time.sleep(0.05)
    return found


def test_a_killed_run_goes_on_where_it_stopped(tmp_path: Path, home: Path) -> None:
    for market, n_days in (("np", 780), ("pjm", 2_500)):
        epf_frame(n_days).write_parquet(tmp_path / f"epf_{market}.parquet")
    command = [
        "epf",
        "--data",
        str(tmp_path),
        "--market",
        "NP",
        "--market",
        "PJM",
        "--profile",
        "naive",
        "--json",
    ]
    killed = subprocess.Popen(
        [sys.executable, "-m", "desk.benchmark.command", *command],
        stdout=subprocess.DEVNULL,
        env={**os.environ},
        cwd=PROJECT_ROOT,
    )
    first = wait_for(lambda: list((home / "benchmarks").glob("*.npz")))
    children = Path(f"/proc/{killed.pid}/task/{killed.pid}/children")
    workers = wait_for(lambda: children.read_text().split())
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    assert killed.returncode == -signal.SIGKILL
    assert workers
    assert wait_for(lambda: not any(Path(f"/proc/{worker}/exe").exists() for worker in workers))
    made = first[0].stat().st_mtime_ns
    done = CliRunner().invoke(app, command)
    assert [row["market"] for row in json.loads(done.stdout)] == ["NP", "PJM"]
    assert first[0].stat().st_mtime_ns == made


def test_an_interrupted_run_says_in_one_line_that_it_goes_on(tmp_path: Path, home: Path) -> None:
    for market, n_days in (("np", 780), ("pjm", 8_000)):
        epf_frame(n_days).write_parquet(tmp_path / f"epf_{market}.parquet")
    command = [
        sys.executable,
        "-m",
        "desk.benchmark.command",
        "epf",
        "--data",
        str(tmp_path),
        "--market",
        "NP",
        "--market",
        "PJM",
        "--profile",
        "naive",
    ]
    stopped = subprocess.Popen(
        command,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ},
        cwd=PROJECT_ROOT,
        start_new_session=True,
    )
    assert wait_for(lambda: list((home / "benchmarks").glob("*.npz")))
    os.killpg(stopped.pid, signal.SIGINT)  # a terminal sends Ctrl-C to the run's own process too
    told = stopped.communicate(timeout=300)[1]
    assert stopped.returncode == 130
    assert "Traceback" not in told
    assert told.splitlines()[0] == "1 of 2: NP naive"
    assert "continues with the rest" in told


def test_data_of_the_same_size_is_other_data(tmp_path: Path) -> None:
    job = BenchmarkJob(source=str(tmp_path), zone="EPF_NP", settings={"kind": "naive"}, first_test_day="")
    (tmp_path / "NP.csv").write_text("a,1")
    before = job.key()
    assert job.key() == before
    (tmp_path / "NP.csv").write_text("a,2")
    assert job.key() != before


def test_unknown_markets_and_profiles_are_refused(tmp_path: Path, home: Path) -> None:
    epf_frame(2).write_parquet(tmp_path / "epf_np.parquet")
    with pytest.raises(ConfigurationError, match="known are NP"):
        CliRunner().invoke(app, ["epf", "--data", str(tmp_path), "--market", "XX"], catch_exceptions=False)
    with pytest.raises(ConfigurationError, match="known are best"):
        CliRunner().invoke(
            app,
            ["epf", "--data", str(tmp_path), "--market", "NP", "--profile", "magic"],
            catch_exceptions=False,
        )
    with pytest.raises(ConfigurationError, match="neither"):
        read_epf_market(tmp_path, "DE")


def test_half_a_day_is_refused(tmp_path: Path) -> None:
    epf_frame(2).head(30).write_parquet(tmp_path / "epf_np.parquet")
    with pytest.raises(ContractError, match="whole days"):
        read_epf_market(tmp_path, "NP")


def quarter_hour_file(path: Path) -> None:
    """Prices of two zones across the change of resolution, hourly values repeated four times before it."""
    start = datetime(2025, 6, 30, 22, tzinfo=UTC)
    instants = [start + timedelta(minutes=15 * i) for i in range(96 * 120)]
    hour = np.array([(instant - start).total_seconds() / 3600 for instant in instants])
    is_late = np.array([instant >= datetime(2025, 9, 30, 22, tzinfo=UTC) for instant in instants])
    price = 50 + 20 * np.sin(np.floor(hour) / 24 * 2 * np.pi) + np.where(is_late, 3 * (hour % 1 - 0.375), 0.0)
    price += np.repeat(np.random.default_rng(0).normal(0, 2, len(hour) // 4), 4)
    pl.DataFrame(
        {"ts_utc": instants, "price_nl_eur_mwh": price, "price_be_eur_mwh": price + 1}
    ).write_parquet(path)


def test_a_panel_takes_the_resolution_of_the_auction(tmp_path: Path) -> None:
    path = tmp_path / "some_15min.parquet"
    quarter_hour_file(path)
    assert zones_in(path) == ["NL", "BE"]
    panel = read_zone(path, "NL")
    days = panel.days.astype(object)
    assert set(panel.resolution_minutes[days < date(2025, 10, 1)]) == {60}
    assert set(panel.resolution_minutes[days >= date(2025, 10, 1)]) == {15}
    assert panel.n_periods[list(days).index(date(2025, 10, 26))] == 100
    assert np.isfinite(panel.prices[:, :23]).all()
    with pytest.raises(ConfigurationError, match="does not hold"):
        read_zone(path, "FR")


def test_zones_runs_across_the_switch_and_scores_each_resolution(tmp_path: Path, home: Path) -> None:
    path = tmp_path / "some_15min.parquet"
    quarter_hour_file(path)
    command = [
        "zones",
        "--data",
        str(path),
        "--zone",
        "NL",
        "--test-from",
        "2025-09-20",
        "--forecaster",
        "naive",
        "--forecaster",
        "engine",
        "--json",
    ]
    done = CliRunner().invoke(app, command)
    assert done.exit_code == 0, done.output
    rows = {(row["model"], row["resolution_minutes"]): row for row in json.loads(done.stdout)}
    assert set(rows) == {("naive", 60), ("naive", 15), ("engine fast", 60), ("engine fast", 15)}
    assert rows["engine fast", 15]["mae"] < rows["naive", 15]["mae"]


@pytest.mark.parametrize(
    ("asked", "problem"),
    [
        (["--zone", "NL", "--zone", "FR"], "does not hold FR: it holds NL, BE"),
        (["--zone", "nl"], "did you mean NL"),
        (
            ["--zone", "NL", "--test-from", "2026-01-01", "--forecaster", "naive"],
            "no day from 2026-01-01 on: the data ends with",
        ),
    ],
)
def test_zones_and_days_that_the_file_lacks_are_refused(
    asked: list[str], problem: str, tmp_path: Path, home: Path
) -> None:
    path = tmp_path / "some_15min.parquet"
    quarter_hour_file(path)
    with pytest.raises(SpotdeskError, match=problem):
        CliRunner().invoke(app, ["zones", "--data", str(path), *asked], catch_exceptions=False)


def test_a_day_of_another_form_and_a_file_of_another_kind_are_refused(tmp_path: Path, home: Path) -> None:
    path = tmp_path / "some_15min.parquet"
    quarter_hour_file(path)
    done = CliRunner().invoke(app, ["zones", "--data", str(path), "--test-from", "2025-13-01"])
    assert done.exit_code == 2
    assert "YYYY-MM-DD" in done.output
    path.write_text("zone,price")
    with pytest.raises(ConfigurationError, match="not a parquet file"):
        zones_in(path)


def test_what_was_unknown_at_the_gate_gives_way_to_yesterday(tmp_path: Path) -> None:
    start = datetime(2024, 1, 1, 23, tzinfo=UTC)
    frame = pl.DataFrame(
        {"ts_utc": [start + timedelta(hours=i) for i in range(24 * 10)], "zone": "BE"}
    ).with_row_index("i")
    frame.with_columns(
        price_eur_mwh=pl.col("i").cast(pl.Float64),
        load_fc_mw=pl.col("i") * 1.0,
        solar_fc_mw=pl.col("i") * 2.0,
        wind_onshore_fc_mw=pl.col("i") * 3.0,
    ).drop("i").write_parquet(tmp_path / "zones.parquet")
    assumed = read_zone(tmp_path / "zones.parquet", "BE")
    honest = read_zone(tmp_path / "zones.parquet", "BE", known_at_gate_only=True)
    assert np.array_equal(honest.inputs["load_forecast_mw"], assumed.inputs["load_forecast_mw"])
    assert np.array_equal(
        honest.inputs["solar_forecast_of_yesterday_mw"][1:], assumed.inputs["solar_forecast_mw"][:-1]
    )
    assert np.isnan(honest.inputs["wind_forecast_of_yesterday_mw"][0]).all()


@pytest.fixture
def record() -> Iterator[tuple[str, dict[str, dict[str, bytes]]]]:
    """A public record on the loopback: its address and what it serves."""
    content = {"NP.csv": b"Date,Price,A,B\n" + b"x" * 100_000}
    served = {"content": dict(content), "stated": content}

    class Handler(BaseHTTPRequestHandler):
        server: Any

        def do_GET(self) -> None:
            base = f"http://127.0.0.1:{self.server.server_port}"
            if self.path == "/record":
                files = [
                    {
                        "key": name,
                        "size": len(body),
                        "checksum": f"md5:{hashlib.md5(body, usedforsecurity=False).hexdigest()}",
                        "links": {"self": f"{base}/{name}"},
                    }
                    for name, body in served["stated"].items()
                ]
                body = json.dumps({"files": files}).encode()
            else:
                body = served["content"][self.path[1:]]
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/record", served
        server.shutdown()


def test_a_download_reports_progress_and_is_not_repeated(
    tmp_path: Path, record: tuple[str, dict[str, dict[str, bytes]]]
) -> None:
    url, served = record
    seen = []
    (path,) = download_record(
        tmp_path, ("NP.csv",), lambda name, got, of: seen.append((name, got, of)), record_url=url
    )
    assert path.read_bytes() == served["content"]["NP.csv"]
    assert seen[-1] == ("NP.csv", len(served["content"]["NP.csv"]), len(served["content"]["NP.csv"]))
    seen.clear()
    download_record(tmp_path, ("NP.csv",), lambda *told: seen.append(told), record_url=url)
    assert not seen


def test_a_damaged_download_is_refused_and_leaves_no_file(
    tmp_path: Path, record: tuple[str, dict[str, dict[str, bytes]]]
) -> None:
    url, served = record
    served["content"]["NP.csv"] = b"<html>busy</html>"
    with pytest.raises(ContractError, match="checksum"):
        download_record(tmp_path, ("NP.csv",), lambda *_: None, record_url=url)
    assert not (tmp_path / "NP.csv").exists()


def test_a_record_that_does_not_answer_or_lacks_a_file_says_so(
    tmp_path: Path, record: tuple[str, dict[str, dict[str, bytes]]]
) -> None:
    url, _ = record
    with pytest.raises(SourceUnavailableError, match=r"DE\.csv"):
        download_record(tmp_path, ("DE.csv",), lambda *_: None, record_url=url)
    with pytest.raises(SourceUnavailableError, match="does not answer"):
        download_record(tmp_path, ("NP.csv",), lambda *_: None, record_url="http://127.0.0.1:9/record")


@pytest.mark.market_data
@pytest.mark.slow
def test_the_fast_profile_reaches_its_figure_on_nord_pool(market_data_dir: Path, home: Path) -> None:
    words = ["epf", "--data", str(market_data_dir), "--market", "NP", "--json"]
    # A process of its own: the peak of memory would be that of every test before this one.
    done = subprocess.run(
        [sys.executable, "-m", "desk.benchmark.command", *words], capture_output=True, check=True
    )
    (row,) = json.loads(done.stdout)
    assert row["mae"] < 1.52
    assert abs(row["coverage_80"] - 0.8) < 0.02
    assert abs(row["coverage_95"] - 0.95) < 0.02
    assert row["peak_memory_mib"] < 1024
    assert {test["against"]: test["dm_p"] for test in row["published"]}["dnn_ensemble"] < 0.01
