"""`spotdesk service`: each part of a desk by itself, and the figures that Prometheus reads."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
import yaml
from typer.testing import CliRunner

from desk.main import app
from desk.metrics.collect import families_of
from desk.setup.service import write_workspace
from resources.home.make import make_home
from resources.settings.environment import read_environment
from resources.wiring import make_lake

NOW = datetime(2026, 3, 3, 6, tzinfo=UTC)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    make_home(tmp_path / "desk")
    return tmp_path / "desk"


def _figures(home: Path, name: str) -> dict[tuple[str, ...], float]:
    families = families_of(read_environment(home), NOW)
    (family,) = [one for one in families if one.name == name]
    return {tuple(sample.labels.values()): sample.value for sample in family.samples}


def test_the_workspace_names_the_code_as_a_checkout_does(tmp_path: Path, project_root: Path) -> None:
    write_workspace(tmp_path / "workspace.yaml", "code", 4000)
    (server,) = yaml.safe_load((tmp_path / "workspace.yaml").read_text())["load_from"]
    (own,) = yaml.safe_load((project_root / "workspace.yaml").read_text())["load_from"]
    assert server["grpc_server"] == {
        "host": "code",
        "port": 4000,
        "location_name": own["python_file"]["location_name"],
    }


@pytest.mark.parametrize("address", ["code", "code:", ":4000", "code:0", "code:70000"])
def test_a_wrong_address_of_the_code_is_one_line(home: Path, address: str) -> None:
    done = CliRunner().invoke(app, ["--home", str(home), "service", "daemon", "--code", address])
    assert "expected HOST:PORT" in str(done.exception)


def test_metrics_of_a_new_desk(home: Path) -> None:
    done = CliRunner().invoke(app, ["--home", str(home), "metrics"])
    assert done.exit_code == 0
    lines = done.stdout.splitlines()
    assert "spotdesk_up 1.0" in lines
    assert 'spotdesk_trading_state{zone="desk"} 2.0' in lines
    assert 'spotdesk_runs{state="queued"} 0.0' in lines


def test_metrics_are_not_served_to_the_network(home: Path) -> None:
    done = CliRunner().invoke(app, ["--home", str(home), "metrics", "--serve", "--host", "0.0.0.0"])
    assert "others could read the P&L" in str(done.exception)


def test_alerts_are_counted_by_kind_for_a_day(home: Path) -> None:
    lake = make_lake(read_environment(home))
    raised = [NOW - timedelta(hours=1), NOW - timedelta(hours=2), NOW - timedelta(hours=30)]
    lake.append_only(
        "alerts",
        pl.DataFrame(
            {
                "alert_id": ["a", "b", "c"],
                "raised_at_utc": pl.Series(raised, dtype=pl.Datetime("us", "UTC")),
                "zone": ["DE_LU", "FR", "FR"],
                "kind": ["bad_data", "bad_data", "no_signal"],
                "severity": ["warning"] * 3,
                "message": ["m"] * 3,
            }
        ),
    )
    assert _figures(home, "spotdesk_alerts_24h") == {("bad_data", "warning"): 2.0}
