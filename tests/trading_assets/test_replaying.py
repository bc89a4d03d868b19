"""A stored forecast and signal are made again bit for bit from their row.

What was tampered with is named.
"""

from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest

from desk.in_process import ChainRequest, run_chain
from resources.settings.environment import Environment
from resources.settings.zones import Desk
from resources.wiring import make_lake, make_registry
from spot.contracts.monitoring_tables import MODEL_COMPARISONS
from tests.support.versions import register_twin
from workflows.decisions.replay import replay_signal
from workflows.lifecycle.compare import comparable_days, compare_zone

ZONE, FIRST = "FR", date(2025, 9, 24)


@pytest.mark.slow
def test_signals_are_made_again_bit_for_bit_or_the_difference_is_named(
    environment: Environment, desk: Desk
) -> None:
    run_chain(
        ChainRequest(zones=(ZONE,), first_day=FIRST, last_day=FIRST + timedelta(days=13), block_days=14),
        environment=environment,
        desk=desk,
    )
    lake, registry = make_lake(environment), make_registry(environment)
    signals = lake.read("signals", zones=[ZONE]).filter(pl.col("role") == "champion")
    day = FIRST + timedelta(days=9)
    row = signals.filter(pl.col("delivery_day") == day).row(0, named=True)
    verdicts = replay_signal(row, lake, desk, registry, environment.trading_state)
    assert [verdict.differences for verdict in verdicts] == [(), ()]
    assert all(verdict.is_equal for verdict in verdicts)

    file = environment.conf_folder / "risk_limits.yaml"
    limits = file.read_text()
    file.write_text(limits.replace("max_mw_per_mtu: {limit: 20,", "max_mw_per_mtu: {limit: 0.5,"))
    forecast_verdict, signal_verdict = replay_signal(row, lake, desk, registry, environment.trading_state)
    assert forecast_verdict.is_equal
    assert "limit max_mw_per_mtu of the zone changed: 20 then, 0.5 now" in signal_verdict.differences
    assert any(text.startswith("settings_hash") for text in signal_verdict.differences)
    file.write_text(limits)

    forecasts = lake.read("day_ahead_forecasts", zones=[ZONE], first_day=day, last_day=day)
    wrong = forecasts.with_columns(pl.col("price_point_eur_per_mwh") + 1e-9)
    lake.replace("day_ahead_forecasts", wrong, zone=ZONE, first_day=day, last_day=day)
    forecast_verdict = replay_signal(row, lake, desk, registry, environment.trading_state)[0]
    assert not forecast_verdict.is_equal
    assert any(text.startswith("price_point_eur_per_mwh") for text in forecast_verdict.differences)
    lost = replay_signal({**row, "model_version": "99"}, lake, desk, registry, environment.trading_state)
    assert [verdict.is_equal for verdict in lost] == [False]

    first = registry.champion(ZONE)
    assert first is not None
    twin = register_twin(registry, first)
    days = comparable_days(lake, first, twin, first=FIRST, last=FIRST + timedelta(days=13))
    assert days[0] == FIRST
    found = compare_zone(
        (first, twin),
        days,
        lake,
        desk,
        registry,
        state_folder=environment.trading_state,
        now=datetime(2025, 12, 1, tzinfo=UTC),
    )
    total = found.rows.filter(pl.col("slice") == "total").row(0, named=True)
    assert total["mae_a_eur_per_mwh"] == total["mae_b_eur_per_mwh"]
    assert total["pnl_a_eur"] == pytest.approx(total["pnl_b_eur"], abs=1e-6)
    assert total["error_p_value"] == 1.0
    assert lake.read(MODEL_COMPARISONS.name, zones=[ZONE]).height == found.rows.height
    shorter = compare_zone(
        (first, twin),
        days[-3:],
        lake,
        desk,
        registry,
        state_folder=environment.trading_state,
        now=datetime(2025, 12, 1, tzinfo=UTC),
    )
    stored = lake.read(MODEL_COMPARISONS.name, zones=[ZONE])
    assert stored.height == shorter.rows.height
    assert stored["n_days"].max() == 3, "nothing of the longer comparison stays beside the new one"
