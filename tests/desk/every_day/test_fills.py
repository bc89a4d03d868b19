"""`spotdesk ingest` of a report of fills, and `spotdesk fills`, as people meet them."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml
from typer.testing import CliRunner, Result

from desk.main import app
from resources.home.make import make_home
from resources.lake.lake import Lake
from resources.wall_clock import utc_now
from tests.support.live_orders import BEFORE, DAY, GATE, decide, write_tables
from tests.support.made_up_rows import made_up
from tests.support.sample_market import ZONE


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A desk whose live orders of one past day have left."""
    zones = yaml.safe_dump({"zones": {ZONE: {"source": "simulated", "strategies": ["settlement_spread"]}}})
    make_home(tmp_path / "desk", settings={"zones.yaml": zones})
    lake = Lake(uri=str(tmp_path / "desk" / "lake"))
    write_tables(lake, decide(BEFORE))
    sent = {
        "publication_id": "p1",
        "channel": "webhook",
        "attempt": 1,
        "zone": ZONE,
        "delivery_day": DAY,
        "strategy": "settlement_spread",
        "mode": "live",
        "status": "sent",
        "recorded_at_utc": BEFORE,
    }
    lake.upsert("publications", made_up("publications", sent))
    return tmp_path / "desk"


def spotdesk(home: Path, *words: str) -> Result:
    return CliRunner().invoke(app, [*words, "--home", str(home)])


def report(home: Path, *, share: float = 1.0, reported: Any = GATE + timedelta(hours=1)) -> Path:
    orders = Lake(uri=str(home / "lake")).read("signals").filter(pl.col("side") != "flat")
    fills = [
        {
            "delivery_start": row["delivery_start_utc"].isoformat(),
            "resolution_minutes": row["resolution_minutes"],
            "side": row["side"],
            "volume_mw": row["volume_mw"] * share,
            "price_eur_per_mwh": row["limit_price_eur_per_mwh"],
            "reference": f"A{number}",
        }
        for number, row in enumerate(orders.to_dicts())
    ]
    message = {"schema": 1, "strategy": "settlement_spread", "reported_at": reported.isoformat()}
    path = home.parent / "report.json"
    path.write_text(json.dumps({**message, "fills": fills}))
    return path


def fills_of(home: Path, *words: str) -> tuple[int, list[dict[str, Any]]]:
    done = spotdesk(home, "fills", "--zone", ZONE, "--day", DAY.isoformat(), "--json", *words)
    assert done.stdout, done.output
    return done.exit_code, json.loads(done.stdout)


def test_a_report_is_kept_once_and_agrees(home: Path) -> None:
    for n_new in (24, 0):
        done = spotdesk(home, "ingest", str(report(home)), "--zone", ZONE, "--json")
        assert done.exit_code == 0, done.output
        (told,) = json.loads(done.stdout)
        assert (told["rows"], told["new"], told["units_that_differ"]) == (24, n_new, 0)
    code, rows = fills_of(home)
    assert code == 0
    assert [row["filled_mw"] for row in rows] == [row["signal_mw"] for row in rows]
    assert fills_of(home, "--differences") == (0, [])


def test_a_difference_raises_the_alert_and_the_command_names_it(home: Path) -> None:
    done = spotdesk(home, "ingest", str(report(home, share=1.5)), "--zone", ZONE, "--json")
    assert done.exit_code == 0, done.output
    assert "spotdesk fills --differences" in done.stderr
    code, rows = fills_of(home, "--differences")
    assert (code, len(rows)) == (1, 24)
    assert {row["difference"] for row in rows} == {"more was filled than ordered"}
    alerts = Lake(uri=str(home / "lake")).read("alerts")
    assert alerts["kind"].to_list() == ["fills_differ"]
    shown = spotdesk(home, "fills", "--zone", ZONE, "--day", DAY.isoformat())
    assert "signals, sent, filled" in shown.output


def test_a_report_from_the_future_or_that_contradicts_itself_is_refused(home: Path) -> None:
    ahead = utc_now() + timedelta(days=400)
    soon = GATE.replace(year=ahead.year, month=ahead.month, day=1)
    done = spotdesk(home, "ingest", str(report(home, reported=soon)), "--zone", ZONE)
    assert "still to come" in str(done.exception)
    assert spotdesk(home, "ingest", str(report(home)), "--zone", ZONE).exit_code == 0
    done = spotdesk(home, "ingest", str(report(home, share=0.5)), "--zone", ZONE)
    assert "rows never change" in str(done.exception)
    done = spotdesk(home, "ingest", str(home.parent / "absent.json"), "--zone", ZONE)
    assert "expected an existing" in str(done.exception)
    assert Lake(uri=str(home / "lake")).read("exchange_fills").height == 24
