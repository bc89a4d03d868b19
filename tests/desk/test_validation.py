"""`spotdesk validate`: planted changes of a release are stopped or pass, and hard limits are seen."""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl
import pytest
from typer.testing import CliRunner

from benchmarks.lifecycle.releases import Change, plant, read_changes, spread_over, study
from desk.main import app
from desk.screen.report import render_report
from desk.validation.checks import limit_findings, speed_findings
from desk.validation.judged import Verdict
from desk.validation.page import release_page
from desk.validation.replay import Record, Replay, read_replay, write_replay
from spot.backtest.release import Finding, ReleaseFigures
from spot.errors import ConfigurationError

DAY = date(2025, 6, 1)


def conformance(**changes: object) -> pl.DataFrame:
    """One measure of one limit."""
    row: dict[str, object] = {
        "zone": "FR",
        "delivery_day": DAY,
        "strategy": "storage",
        "role": "champion",
        "scope": "strategy",
        "limit_name": "max_mw_per_mtu",
        "used": 5.0,
        "limit_value": 10.0,
        "status": "within",
    }
    return pl.DataFrame([{**row, **changes}])


def replay(limits: pl.DataFrame, mw: float = 5.0) -> Replay:
    signals = pl.DataFrame(
        {
            "zone": ["FR"],
            "delivery_day": [DAY],
            "delivery_start_utc": [datetime(2025, 6, 1, tzinfo=UTC)],
            "resolution_minutes": [60],
            "strategy": ["storage"],
            "role": ["champion"],
            "side": ["buy"],
            "volume_mw": [mw],
        }
    )
    empty: Mapping[str, pl.DataFrame] = dict.fromkeys(
        ("forecasts", "bid_curves", "settlements", "prices"), pl.DataFrame()
    )
    return Replay(frames={**empty, "conformance": limits, "signals": signals})


@pytest.mark.parametrize(
    ("candidate", "expected"),
    [
        pytest.param(replay(conformance()), None, id="unchanged"),
        pytest.param(replay(conformance(limit_value=9.0)), None, id="stricter"),
        pytest.param(replay(conformance(limit_value=11.0)), "was 10 and is 11", id="looser"),
        pytest.param(replay(conformance(status="breached")), "1 limits are breached", id="breached"),
        pytest.param(replay(conformance(), mw=12.0), "12 on the largest", id="exceeded unseen"),
        pytest.param(replay(conformance().clear()), "1 measures of limits are missing", id="not measured"),
    ],
)
def test_a_limit_that_is_looser_exceeded_or_missing_forbids_a_release(
    candidate: Replay, expected: str | None
) -> None:
    found = limit_findings(replay(conformance()), candidate)
    assert [one.check for one in found] == ["limits"] * (expected is not None)
    assert expected is None or expected in found[0].text


def test_only_a_lasting_large_ratio_is_slower() -> None:
    rows = [
        ("forecast", 0.1, 0.3, 3.0, 0.002),
        ("decision", 0.1, 0.3, 3.0, 0.2),
        ("features", 1.0, 1.2, 1.2, 0.5),
    ]
    speed = pl.DataFrame(rows, schema=["stage", "base_s", "candidate_s", "ratio", "p_value"], orient="row")
    assert [one.text.split()[0] for one in speed_findings(speed)] == ["forecast"]


def test_a_finding_that_is_allowed_is_shown_and_forbids_nothing() -> None:
    record = Record(home=Path("desk"), zones=("FR",), first_day=DAY, last_day=DAY)
    figures = ReleaseFigures(
        n_days=14,
        mae=(4.0, 4.1),
        pinball=(1.0, 1.0),
        coverage_80=(0.8, 0.8),
        pnl_eur_per_day=(100.0, 112.0),
        error_p_value=0.2,
        money_p_value=0.9,
        n_changed_side=3,
        n_signals=100,
    )
    finding = Finding(check="limits", text="limit max_mw_per_mtu <was 10>")
    verdict = Verdict(record=record, base="a", candidate="b", figures=figures, findings=(finding,))
    assert verdict.in_one_line == (
        "error +2.5 % (p 0.2), money +12 EUR a day (p 0.9), 3 signals changed side; fails"
    )
    assert "&lt;was 10&gt;" in render_report(release_page(verdict))
    meant = Verdict(
        record=record, base="a", candidate="b", figures=figures, findings=(finding,), allowed=("limits",)
    )
    assert meant.in_one_line.endswith("passes")
    assert "allowed" in render_report(release_page(meant))
    assert meant.document()["findings"][0]["allowed"] is True


def test_a_replay_is_kept_in_one_file_and_a_damaged_one_is_refused(tmp_path: Path) -> None:
    kept = Replay(frames={**replay(conformance()).frames}, made_of={"code": "abc"})
    write_replay(kept, tmp_path / "kept.zip")
    read = read_replay(tmp_path / "kept.zip")
    assert read.made_of == {"code": "abc"}
    assert read.frames["conformance"].equals(kept.frames["conformance"])
    (tmp_path / "kept.zip").write_bytes(b"PK")
    with pytest.raises(ConfigurationError, match="is no replay"):
        read_replay(tmp_path / "kept.zip")


def test_a_base_and_a_check_that_there_is_not_are_named() -> None:
    said = CliRunner().invoke(app, ["validate", "--against", "no-such-branch"])
    assert "neither a file nor a commit" in str(said.exception)
    said = CliRunner().invoke(app, ["validate", "--against", "HEAD", "--allow", "speling"])
    assert "--allow speling: the checks are error, money" in str(said.exception)


def test_the_list_of_planted_changes_fits_the_code(project_root: Path) -> None:
    changes = read_changes()
    assert sum(one.is_regression for one in changes) == 30
    assert sum(not one.is_regression for one in changes) == 100
    assert len({one.name for one in changes}) == 130
    for change in changes:
        for file, old, _ in change.edits:
            assert (project_root / file).read_text(encoding="utf-8").count(old) == 1, change.name


def test_a_change_is_planted_once(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("one two")
    plant(Change("x", True, (("file", "two", "three"),)), tmp_path)
    assert (tmp_path / "file").read_text() == "one three"
    with pytest.raises(ValueError, match="stands 0 times"):
        plant(Change("x", True, (("file", "two", "three"),)), tmp_path)


@pytest.mark.slow
def test_three_regressions_are_stopped_and_three_neutral_changes_pass(tmp_path: Path) -> None:
    every = {one.name: one for one in read_changes()}
    names = (
        "the forecast is shifted by an hour",
        "a leak that hides its instant",
        "a limit ten times as large",
    )
    chosen = [every[name] for name in names]
    chosen += spread_over([one for one in every.values() if not one.is_regression], 3)
    rows = list(study(chosen, "HEAD", zones=("DE_LU",), days=14, cache=tmp_path))
    assert {row["change"]: row["is_stopped"] for row in rows} == {
        one.name: one.is_regression for one in chosen
    }
    by = {row["change"]: row["by"] for row in rows}
    assert "coverage" in by[names[0]]
    assert "look-ahead" in by[names[1]]
    assert by[names[2]] == "limits"
