"""The demo's summary and report, from tables whose answers are known."""

import io
import json
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import polars as pl
import pytest
from rich.console import Console

from desk.demo.report import demo_report, headline
from desk.demo.summary import DemoSummary, daily_errors, summarise_zone
from desk.demo.terminal import rows_for_people, story_lines, terminal_table
from desk.screen.report import render_report
from spot.contracts.forecast_tables import DAY_AHEAD_FORECASTS, QUANTILE_COLUMNS
from spot.contracts.monitoring_tables import (
    DATA_QUALITY,
    FEATURE_DRIFT,
    FORECAST_PERFORMANCE,
    PROMOTION_DECISIONS,
    RETRAIN_REQUESTS,
)
from spot.contracts.quarantine_table import QUARANTINE
from spot.contracts.signal_tables import SETTLEMENTS, SIGNALS
from spot.market.delivery import delivery_starts_utc
from spot.simulation.market import simulate

FIRST, CHANGE, FOUND, NEW, LAST = (
    date(2025, 6, 1),
    date(2025, 6, 21),
    date(2025, 6, 26),
    date(2025, 7, 3),
    date(2025, 7, 10),
)


@pytest.fixture(scope="module")
def prices() -> pl.DataFrame:
    return simulate("FR", FIRST - timedelta(days=7), LAST - timedelta(days=1), seed=1).tables[
        "day_ahead_prices"
    ]


def forecasts(
    prices: pl.DataFrame,
    error_of: Callable[..., Any],
    role: str = "champion",
    version: str = "1",
    days: tuple[date, date] = (FIRST, LAST),
) -> pl.DataFrame:
    error = pl.col("delivery_day").map_elements(error_of, return_dtype=pl.Float64)
    spoken = prices.filter(pl.col("delivery_day").is_between(*days))
    point = pl.col("price_eur_per_mwh") + error
    instants = {name: pl.col("available_at_utc") for name in ("as_of_utc", "newest_input_utc")}
    words = {
        "role": pl.lit(role),
        "model_version": pl.lit(version),
        "model_name": pl.lit("m"),
        "data_version": pl.lit("d"),
        "fallback": pl.lit(None, pl.String),
    }
    return spoken.with_columns(
        price_point_eur_per_mwh=point,
        **{name: point + level for level, name in QUANTILE_COLUMNS.items()},
        **instants,
        **words,
    ).select(DAY_AHEAD_FORECASTS.columns.keys())


@pytest.fixture(scope="module")
def tables(prices: pl.DataFrame) -> dict[str, pl.DataFrame]:
    old = forecasts(prices, lambda day: 2.0 if day < CHANGE else 9.0, days=(FIRST, NEW - timedelta(days=1)))
    new = forecasts(prices, lambda _: 4.0, version="2", days=(NEW, LAST))
    shadow = forecasts(
        prices, lambda _: 3.0, role="challenger", version="2", days=(FOUND, NEW - timedelta(days=1))
    )
    drift_days = [FIRST + timedelta(days=3), FOUND, FOUND + timedelta(days=1), FIRST + timedelta(days=5)]
    drift = {
        "zone": "FR",
        "feature": "price_1d|mean",
        "method": "w",
        "value": 3.0,
        "threshold": 1.0,
        "reason": "",
        "n_reference_days": 90,
    }
    drift_rows = [
        {**drift, "delivery_day": day, "status": status}
        for day, status in zip(drift_days, ("alert", "alert", "alert", "ok"), strict=True)
    ]
    noon = datetime(2025, 6, 26, 12, tzinfo=UTC)
    request = {
        "request_id": "r",
        "zone": "FR",
        "cause": "drift",
        "detail": "price <moved>",
        "requested_at_utc": noon,
        "status": "succeeded",
        "n_attempts": 1,
    }
    signals = pl.DataFrame(
        {
            "zone": "FR",
            "role": "champion",
            "delivery_day": LAST,
            "side": ["buy"] * 3 + ["sell"] * 5 + ["flat"] * 16,
            "delivery_start_utc": delivery_starts_utc("FR", LAST),
        },
        schema_overrides={"delivery_start_utc": SIGNALS.schema["delivery_start_utc"]},
    )
    pnl = {
        "role": ["champion", "champion", "challenger"],
        "pnl_eur": [30.0, -10.0, 99.0],
        "perfect_foresight_eur": [50.0, 50.0, 99.0],
    }
    money = pl.DataFrame({"zone": "FR", "delivery_day": FIRST, "source": "simulated", **pnl})
    asked = pl.DataFrame([request]).cast({"requested_at_utc": RETRAIN_REQUESTS.schema["requested_at_utc"]})
    worse = pl.DataFrame(
        {
            "zone": "FR",
            "delivery_day": [FIRST, NEW - timedelta(days=1)],
            "metric": "mae",
            "status": ["ok", "alert"],
        }
    )
    return {
        "day_ahead_forecasts": pl.concat([old, new, shadow]),
        "day_ahead_prices": prices,
        "settlements": pl.concat([SETTLEMENTS.empty(), money], how="diagonal"),
        "feature_drift": pl.DataFrame(drift_rows, schema=FEATURE_DRIFT.schema),
        "retrain_requests": pl.concat([RETRAIN_REQUESTS.empty(), asked], how="diagonal_relaxed"),
        "forecast_performance": pl.concat([FORECAST_PERFORMANCE.empty(), worse], how="diagonal"),
        "promotion_decisions": PROMOTION_DECISIONS.empty(),
        "data_quality": DATA_QUALITY.empty(),
        "quarantine": QUARANTINE.empty(),
        "signals": pl.concat([SIGNALS.empty(), signals], how="diagonal"),
    }  # fmt: skip


@pytest.fixture(scope="module")
def summary(tables: dict[str, pl.DataFrame]) -> DemoSummary:
    zone = summarise_zone(tables, "FR", change_day=CHANGE, last_day=LAST)
    return DemoSummary(
        scenario="gas_shock",
        change="Gas became dear",
        change_day=CHANGE,
        first_day=FIRST,
        last_day=LAST,
        seed=1,
        zones=(zone,),
    )


def test_errors_are_split_at_the_change_and_at_the_new_champion(summary: DemoSummary) -> None:
    zone = summary.zones[0]
    assert (zone.mae_before, zone.mae_after) == pytest.approx((2.0, (12 * 9.0 + 7 * 4.0) / 19))
    assert (zone.mae_after_old, zone.mae_after_new) == pytest.approx((9.0, 4.0))
    assert (zone.mae_same_days_old, zone.mae_same_days_new) == pytest.approx((9.0, 3.0))
    assert (zone.promoted_version, zone.promoted_for) == ("2", NEW)


def test_drift_counts_from_the_change_and_earlier_alarms_are_false(summary: DemoSummary) -> None:
    zone = summary.zones[0]
    assert (zone.drift_found, zone.n_days_to_drift, zone.n_false_alarms) == (FOUND, 5, 1)
    assert zone.n_days_to_worse_performance == 11
    assert zone.retrains == ("2025-06-26 drift: succeeded",)
    assert zone.n_retrains == {"drift": 1}


def test_the_fate_of_every_new_version_is_told_with_its_evidence(tables: dict[str, pl.DataFrame]) -> None:
    at = datetime(2025, 6, 27, 10, tzinfo=UTC)
    losses = {"candidate_loss_eur_per_mwh": 3.0, "champion_loss_eur_per_mwh": 9.0, "n_days": 14}
    rows = [
        {"candidate_version": "1", "action": "promote", "cause": "s", "decided_at_utc": at},
        {
            "candidate_version": "2",
            "champion_version": "1",
            "action": "to_challenger",
            "cause": "r",
            "decided_at_utc": at,
            **losses,
        },
        {
            "candidate_version": "2",
            "champion_version": "1",
            "action": "promote",
            "cause": "r",
            "decided_at_utc": at + timedelta(days=7),
            **losses,
        },
        {
            "candidate_version": "3",
            "champion_version": "2",
            "action": "reject",
            "cause": "?",
            "decided_at_utc": at,
            "reasons": "range: too wide",
        },
    ]
    rows = [row | {"model": "day_ahead_price.FR"} for row in rows]
    rows.append(
        {
            "candidate_version": "2",
            "champion_version": "1",
            "action": "reject",
            "cause": "r",
            "model": "settlement_spread.FR",
            "decided_at_utc": at + timedelta(days=9),
        }
    )
    decisions = pl.DataFrame(
        rows,
        infer_schema_length=None,
        schema_overrides={"decided_at_utc": PROMOTION_DECISIONS.schema["decided_at_utc"]},
    )
    zone = summarise_zone(
        {**tables, "promotion_decisions": decisions.with_columns(zone=pl.lit("FR"))},
        "FR",
        change_day=CHANGE,
        last_day=LAST,
    )
    assert [(event.day, event.kind, event.version) for event in zone.events] == [
        (CHANGE, "change", None),
        (FOUND, "drift", None),
        (at.date(), "retrain", "2"),
        (at.date(), "retrain", "3"),
        (at.date(), "shadow", "2"),
        (at.date(), "ended", "3"),
        (at.date() + timedelta(days=7), "promotion", "2"),
    ]
    won = zone.promotion
    assert won is not None
    assert (won.version, won.old_version, won.n_days) == ("2", "1", 14)
    assert (won.decided, won.serves_from) == (date(2025, 7, 4), NEW)
    assert (won.old_mae_eur_per_mwh, won.new_mae_eur_per_mwh) == (9.0, 3.0)
    told = DemoSummary(
        scenario="gas_shock", change="Gas became dear", change_day=CHANGE, first_day=FIRST, last_day=LAST,
        seed=1, zones=(zone,),
    )  # fmt: skip
    assert headline(told) == "Gas became dear in FR; the desk noticed, retrained, and cut its error by 67%"
    assert story_lines(told)[0] == f"{headline(told)}."
    assert zone.verdicts == (
        "v2 (drift): promoted on 2025-07-04, error 3.00 against 9.00 of v1 on the same 14 days",
        "v3 (?): rejected on 2025-06-27: range: too wide",
    )


def test_money_and_signals_are_the_champions(summary: DemoSummary) -> None:
    zone = summary.zones[0]
    assert (zone.pnl_eur, zone.foresight_share) == (20.0, 0.2)
    assert (zone.n_buy, zone.n_sell, zone.n_flat) == (3, 5, 16)


def test_the_naive_error_is_that_of_the_price_a_week_before(
    tables: dict[str, pl.DataFrame], prices: pl.DataFrame
) -> None:
    errors = daily_errors(tables["day_ahead_forecasts"], prices).filter(pl.col("delivery_day") == FIRST)
    series = prices.sort("delivery_start_utc")["price_eur_per_mwh"].to_numpy()
    assert errors["naive_mae_eur_per_mwh"][0] == pytest.approx(abs(series[168:192] - series[:24]).mean())


def test_nothing_found_is_said_as_such(tables: dict[str, pl.DataFrame]) -> None:
    quiet = {
        **tables,
        "feature_drift": FEATURE_DRIFT.empty(),
        "settlements": SETTLEMENTS.empty(),
        "retrain_requests": RETRAIN_REQUESTS.empty(),
    }
    quiet["day_ahead_forecasts"] = tables["day_ahead_forecasts"].filter(pl.col("model_version") == "1")
    zone = summarise_zone(quiet, "FR", change_day=CHANGE, last_day=LAST)
    assert (
        zone.drift_found,
        zone.n_days_to_drift,
        zone.promoted_version,
        zone.foresight_share,
        zone.mae_same_days_new,
    ) == (None,) * 5
    assert zone.verdicts == ()
    text: dict[str, str] = {
        row[0]: row[1]
        for row in rows_for_people(
            DemoSummary(
                scenario="gas_shock",
                change="Gas became dear",
                change_day=CHANGE,
                first_day=FIRST,
                last_day=LAST,
                seed=1,
                zones=(zone,),
            )
        )
    }
    assert text["Drift found after the change"] == "not found"
    assert text["New champion"] == "none yet"
    assert text["Retrained, by cause"] == "no"


def test_the_summary_is_plain_json(summary: DemoSummary) -> None:
    stored = json.loads(json.dumps(summary.as_mapping()))
    assert stored["change_day"] == "2025-06-21"
    assert stored["zones"][0]["n_days_to_drift"] == 5


def test_the_terminal_table_fits_and_the_report_says_simulated(
    summary: DemoSummary, tables: dict[str, pl.DataFrame]
) -> None:
    console = Console(width=110, record=True, file=io.StringIO())
    console.print(terminal_table(summary))
    assert "20.0%" in console.export_text()
    page = render_report(demo_report(summary, tables, (("spotdesk sql", "Ask"),)))
    assert page.count("<img") == page.count('alt="') == 5
    assert "<h1>Gas became dear in FR; drift was found after 5 days" in page
    assert "SIMULATED" in page
    assert "price &lt;moved&gt;" in page
    assert "3 buy, 5 sell, 16 flat" in page
    assert f"{LAST} 00:00" in page, "signals begin at midnight of the local day"
    assert "<th>Strategy</th>" in page.replace(' scope="col"', "")
    decisions = page[page.index("Decisions on model versions") :]
    assert decisions.index(">Why<") < decisions.index(">Decision<")


def test_quarantined_values_are_told_by_day_and_a_calm_zone_has_no_change(
    tables: dict[str, pl.DataFrame],
) -> None:
    starts = [f"2025-06-30 {hour:02d}:00:00+00:00" for hour in range(22)]
    bad = pl.DataFrame(
        {
            "zone": "FR",
            "reason": "frozen load_forecast_mw",
            "row_json": [json.dumps({"delivery_start_utc": start}) for start in starts],
        }
    )
    faulty = {**tables, "quarantine": pl.concat([QUARANTINE.empty(), bad], how="diagonal")}
    zone = summarise_zone(faulty, "FR", change_day=CHANGE, last_day=LAST, is_changed=False)
    (event,) = zone.events
    assert (event.day, event.kind) == (date(2025, 6, 30), "bad_data")
    assert event.text.startswith("Bad data: 22 values are quarantined (frozen load forecast).")
    assert "No retrain" not in event.text, "this zone was retrained, for drift"
    assert (zone.drift_found, zone.n_false_alarms, zone.promotion) == (None, 3, None)
