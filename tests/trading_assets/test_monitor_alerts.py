"""Monitors speak when their state changes, and never fall silent.

Each day's verdict is stored, and what began is told exactly once.
"""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from resources.lake.lake import Lake
from resources.trading.alerts import Alerts
from spot.contracts.monitoring_tables import (
    DATA_QUALITY,
    FEATURE_DRIFT,
    FEATURE_IMPORTANCE,
    FORECAST_PERFORMANCE,
    MONITOR_TABLES,
)
from spot.contracts.signal_tables import LIMIT_CONFORMANCE
from spot.market.gates import gate_closure_utc
from spot.monitoring.reported import watch_reported
from spot.monitoring.settings import AlertSettings, MonitoringSettings
from spot.monitoring.watch import monitor_inputs, monitor_performance
from workflows.monitoring.alerts import (
    MONITORS,
    alert_on,
    alert_on_features,
    alert_on_limits,
    alert_on_near_limits,
)
from workflows.monitoring.explanations import importance_rows, judge_shares, judged_rows
from workflows.monitoring.rows import drift_rows, performance_rows, quality_rows, verdict_rows

ZONE, FIRST = "FR", date(2025, 6, 2)
SETTINGS = AlertSettings()


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(uri=str(tmp_path / "lake"))


@pytest.fixture
def alerts(lake: Lake) -> Alerts:
    return Alerts(lake=lake)


def day(n: int) -> date:
    return FIRST + timedelta(days=n)


def at(n: int) -> dict[str, Any]:
    return {
        "zone": ZONE,
        "last_day": day(n),
        "now": datetime(2025, 6, 2, 13, tzinfo=UTC) + timedelta(days=n),
        "settings": SETTINGS,
    }


def drift(lake: Lake, n: int, status: str) -> None:
    row = {
        "zone": ZONE,
        "delivery_day": day(n),
        "feature": "price_given_load",
        "method": "wasserstein",
        "value": 4.0 + n,
        "threshold": 3.3,
        "status": status,
        "reason": "" if status == "ok" else f"price_given_load: {status} with {4.0 + n}",
        "n_reference_days": 80,
    }
    lake.replace(
        "feature_drift",
        pl.DataFrame([row], schema=FEATURE_DRIFT.schema),
        zone=ZONE,
        first_day=day(n),
        last_day=day(n),
    )


def quality(lake: Lake, n: int, status: str) -> None:
    row = {
        "zone": ZONE,
        "delivery_day": day(n),
        "series": "load_forecast_mw",
        "check": "frozen",
        "n_rows": 6,
        "value": 1.0,
        "threshold": 1.0,
        "status": status,
        "reason": "" if status == "ok" else "load_forecast_mw: frozen",
    }
    lake.replace(
        "data_quality",
        pl.DataFrame([row], schema=DATA_QUALITY.schema),
        zone=ZONE,
        first_day=day(n),
        last_day=day(n),
    )


def raised(lake: Lake) -> list[tuple[str, int]]:
    rows = lake.read("alerts").sort("raised_at_utc", "kind")
    return [(row["kind"], (row["raised_at_utc"].date() - FIRST).days) for row in rows.iter_rows(named=True)]


def test_a_drift_that_lasts_is_told_when_it_begins_and_after_four_weeks(lake: Lake, alerts: Alerts) -> None:
    for n in range(0, 36, 5):
        drift(lake, n, "ok" if n == 0 else "alert")
        quality(lake, n, "ok")
        alert_on_features(lake, alerts, **at(n))
        alert_on_features(lake, alerts, **at(n))  # judged twice, told once
    assert raised(lake) == [("drift_found", 5), ("drift_found", 35)]
    assert (
        "with 9.0; see docs/runbooks/drift_found.md"
        in lake.read("alerts").sort("raised_at_utc")["message"][0]
    )


def test_a_blind_monitor_is_told_once_and_stays_visible_every_week(lake: Lake, alerts: Alerts) -> None:
    for week in range(12):
        drift(lake, 7 * week, "cannot_see")
        quality(lake, 7 * week, "ok")
        alert_on_features(lake, alerts, **at(7 * week))
    assert raised(lake) == [("monitor_cannot_see", 0), ("monitor_cannot_see", 28), ("monitor_cannot_see", 56)]
    assert lake.read("feature_drift").filter(pl.col("status") == "cannot_see").height == 12


def test_every_change_of_state_is_told(lake: Lake, alerts: Alerts) -> None:
    for n, status in enumerate(("ok", "cannot_see", "alert", "cannot_see", "ok")):
        drift(lake, n, status)
        quality(lake, n, "ok")
        alert_on_features(lake, alerts, **at(n))
    assert raised(lake) == [("monitor_cannot_see", 1), ("drift_found", 2)]


def test_bad_data_goes_first_and_the_drift_beneath_it_is_told_when_the_data_is_good_again(
    lake: Lake, alerts: Alerts
) -> None:
    for n, found in enumerate(("alert", "alert", "ok")):
        drift(lake, n, "alert")
        quality(lake, n, found)
        alert_on_features(lake, alerts, **at(n))
    assert raised(lake) == [("bad_data", 0), ("drift_found", 2)]
    assert "since 2025-06-02, still on 2025-06-04" in lake.read("alerts").sort("raised_at_utc")["message"][1]


def test_what_a_killed_run_stored_and_did_not_tell_is_told_by_the_next(lake: Lake, alerts: Alerts) -> None:
    for n in (0, 1):
        drift(lake, n, "alert")
        quality(lake, n, "ok")
    alert_on_features(lake, alerts, **at(1))
    assert raised(lake) == [("drift_found", 1)]


def test_no_monitor_is_ever_silent_when_it_has_nothing_to_judge(lake: Lake, alerts: Alerts) -> None:
    settings = MonitoringSettings()
    features = monitor_inputs(pl.DataFrame(schema=_features_schema()), last_day=day(0), settings=settings)
    forecasts, prices = lake.read("day_ahead_forecasts"), lake.read("day_ahead_prices")
    others = watch_reported(
        pl.DataFrame(schema=_features_schema()), forecasts, last_day=day(0), settings=settings
    )
    performance = monitor_performance(forecasts, prices, zone=ZONE, last_day=day(0), settings=settings)
    rows = {
        "feature_drift": drift_rows(features, zone=ZONE, last_day=day(0)),
        "reported_drift": verdict_rows(others, zone=ZONE, last_day=day(0)),
        "data_quality": quality_rows(features, zone=ZONE, last_day=day(0)),
        "forecast_performance": performance_rows(performance, forecasts, zone=ZONE, last_day=day(0)),
        "feature_importance": judged_rows(
            importance_rows({}, zone=ZONE, day=day(0), version=None),
            judge_shares(lake, ZONE, None, last_day=day(0), settings=settings.explanation),
        ),
    }
    for table, frame in rows.items():
        assert frame.height >= 1, f"{table} says nothing"
        assert set(frame["status"]) == {"cannot_see"}, table
        lake.replace(table, frame, zone=ZONE, first_day=day(0), last_day=day(0))
    for name in MONITORS:
        assert not alert_on(name, lake, alerts, **at(0))
    blind = lake.read("alerts")
    assert blind["kind"].to_list() == ["monitor_cannot_see"] * 5
    assert {message.split(" on ")[0] for message in blind["message"]} == set(MONITORS) == set(MONITOR_TABLES)
    assert all("cannot see: " in message for message in blind["message"]), "each says what it lacks"


def test_a_day_whose_limits_nobody_measured_is_told_once(lake: Lake, alerts: Alerts) -> None:
    measured = pl.DataFrame({"delivery_day": [day(0)]})
    for n in (0, 1, 2):
        alert_on_limits(
            measured, alerts, **{name: value for name, value in at(n).items() if name != "settings"}
        )
    alert_on_limits(measured.clear(), alerts, zone="BE", last_day=day(2), now=at(2)["now"])
    told = lake.read("alerts").sort("raised_at_utc", "zone")
    assert told["kind"].unique().to_list() == ["monitor_cannot_see"]
    assert sorted(told["zone"].to_list()) == ["BE", ZONE]


def _features_schema() -> dict[str, pl.DataType]:
    lake_schema = {
        "delivery_day": pl.Date(),
        "delivery_start_utc": pl.Datetime("us", "UTC"),
        "load_forecast_mw": pl.Float64(),
    }
    return {**lake_schema, "price_1d_eur_per_mwh": pl.Float64()}


def test_performance_and_explanations_have_episodes_of_their_own(lake: Lake, alerts: Alerts) -> None:
    for n in range(3):
        rows = [
            {
                "zone": ZONE,
                "delivery_day": day(n),
                "model_version": "1",
                "role": "champion",
                "metric": metric,
                "basis": "realised",
                "value": 9.0,
                "threshold": 5.0,
                "status": "alert" if metric == "mae" or n == 2 else "ok",
                "reason": f"realised {metric} 9 over 5",
            }
            for metric in ("mae", "pinball")
        ]
        frame = pl.DataFrame(rows, schema=FORECAST_PERFORMANCE.schema)
        lake.replace("forecast_performance", frame, zone=ZONE, first_day=day(n), last_day=day(n))
        mix = {
            "zone": ZONE,
            "delivery_day": day(n),
            "model_version": "1",
            "feature": "load",
            "share_reference": 0.2,
            "share": 0.9,
            "status": "alert",
        }
        lake.replace(
            "feature_importance",
            pl.DataFrame([mix], schema=FEATURE_IMPORTANCE.schema),
            zone=ZONE,
            first_day=day(n),
            last_day=day(n),
        )
        assert alert_on("performance", lake, alerts, **at(n))
        assert alert_on("explanations", lake, alerts, **at(n))
    assert raised(lake) == [("explanations_shifted", 0), ("performance_worse", 0), ("performance_worse", 2)]
    told = lake.read("alerts")
    assert dict(zip(told["kind"], told["severity"], strict=True))["explanations_shifted"] == "info"


def conformance(
    n: int, limit: str, used: float, scope: str = "zone", role: str = "champion"
) -> dict[str, Any]:
    return {
        "zone": ZONE,
        "delivery_day": day(n),
        "strategy": "storage",
        "role": role,
        "model_version": "1",
        "scope": scope,
        "limit_name": limit,
        "used": used,
        "limit_value": 10.0,
        "headroom_frac": 1.0 - used / 10.0,
        "status": "within",
        "as_of_utc": at(0)["now"],
    }


def test_eighty_percent_of_a_limit_is_told_once_per_limit_day_and_zone(lake: Lake, alerts: Alerts) -> None:
    rows = [
        conformance(1, "max_gross_mw", 8.0),
        conformance(1, "max_gross_mw", 9.0, scope="desk"),
        conformance(1, "max_net_mw", 7.9),
        conformance(1, "max_price_eur_per_mwh", 10.0),
        conformance(1, "max_mwh_per_day", 9.0, role="challenger"),
        conformance(2, "max_gross_mw", 10.0),
    ]
    frame = pl.DataFrame(rows, schema=LIMIT_CONFORMANCE.schema)
    before_gate = gate_closure_utc(ZONE, day(1)) - timedelta(minutes=30)
    for minutes in (0, 10):
        now = before_gate + timedelta(minutes=minutes)
        alert_on_near_limits(frame, alerts, zone=ZONE, now=now)
    told = lake.read("alerts").sort("message")
    assert told["kind"].to_list() == ["limit_nearly_used"] * 2
    assert told["message"].to_list() == [
        f"on {day(1)}, max_gross_mw of desk: 90% used, 9 of 10",
        f"on {day(2)}, max_gross_mw of zone: 100% used, 10 of 10",
    ]


def test_a_limit_of_a_day_whose_gate_has_closed_is_no_news(lake: Lake, alerts: Alerts) -> None:
    frame = pl.DataFrame([conformance(1, "max_gross_mw", 9.0)], schema=LIMIT_CONFORMANCE.schema)
    alert_on_near_limits(frame, alerts, zone=ZONE, now=gate_closure_utc(ZONE, day(1)))
    assert lake.read("alerts").is_empty()
