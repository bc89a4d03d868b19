"""The model of the spread in the graph.

Trained with the price model, named in every signal, and without it there is no position.
"""

from datetime import date, timedelta

import polars as pl
import pytest

from desk.in_process import ChainRequest, run_chain
from resources.lake.lake import Lake
from resources.models.model_files import forget_files
from resources.models.registry import ModelRegistry
from resources.models.version import SPREAD_FAMILY
from resources.settings.environment import Environment
from resources.settings.zones import Desk
from resources.wiring import make_lake, make_registry
from spot.market.delivery import ZoneDays
from spot.market.gates import gate_closure_utc
from spot.walk.signals import walk_signals
from workflows.decisions.inputs import book_before, walk_inputs
from workflows.decisions.replay import replay_signal

ZONE, FIRST = "FR", date(2025, 8, 4)
LAST = FIRST + timedelta(days=6)


@pytest.fixture
def ran(environment: Environment, desk: Desk) -> tuple[Lake, ModelRegistry]:
    """A week on the simulated market."""
    run_chain(
        ChainRequest(zones=(ZONE,), first_day=FIRST, last_day=LAST, block_days=7),
        environment=environment,
        desk=desk,
    )
    return make_lake(environment), make_registry(environment)


def decide_again(ran: tuple[Lake, ModelRegistry], desk: Desk, environment: Environment) -> pl.DataFrame:
    lake, registry = ran
    now, span = gate_closure_utc(ZONE, LAST), ZoneDays(ZONE, LAST, LAST)
    inputs = walk_inputs(span, lake, desk, registry, environment.trading_state, now)
    return walk_signals(inputs, span.days, book_before(span, lake)).signals


def test_the_model_is_trained_on_the_past_named_in_the_signals_and_without_it_there_is_no_position(
    environment: Environment, desk: Desk, ran: tuple[Lake, ModelRegistry]
) -> None:
    from mlflow import MlflowClient

    lake, registry = ran
    spreads = registry.of_family(SPREAD_FAMILY)
    (version,) = spreads.versions(ZONE)
    assert (version.stage, version.lineage) == ("champion", "simulated against intraday_vwap")
    assert version.trained_through < version.serves_from <= FIRST
    assert set(spreads.files(version)) == {"spread_model.cbm", "spread_model.json"}
    assert 0 < version.metrics["pinball_loss"] < 2 * version.metrics["pinball_loss_of_past_quantiles"]
    assert {v.name for v in registry.versions(ZONE)} == {f"day_ahead_price.{ZONE}"}  # the families do not mix
    decisions = lake.read("promotion_decisions", zones=[ZONE]).filter(pl.col("model") == version.name)
    assert decisions.select("candidate_version", "action", "candidate_data_version").rows() == [
        ("1", "promote", version.tags["data_version"])
    ]
    params = MlflowClient(tracking_uri=registry.tracking_uri).get_run(version.run_id).data.params
    assert {
        "data_version",
        "table_versions",
        "code_commit",
        "code_version",
        "lock_hash",
        "seed",
        "cause",
        "model.iterations",
    } <= set(params)

    signals = lake.read("signals", zones=[ZONE]).filter(pl.col("role") == "champion")
    assert signals["strategy_model_version"].unique().to_list() == [version.version]
    assert signals["edge_eur_per_mwh"].null_count() == 0
    row = signals.filter(pl.col("delivery_day") == LAST).row(0, named=True)
    assert all(
        verdict.is_equal for verdict in replay_signal(row, lake, desk, registry, environment.trading_state)
    )

    against_nothing = environment.conf_folder / "strategies" / "settlement_spread.yaml"
    content = against_nothing.read_text()
    against_nothing.write_text("strategy: settlement_spread\nsettled_against: ida3\ndistribution: catboost\n")
    assert decide_again(ran, desk, environment)["reasons"].unique().to_list() == [
        "flat: only 0 past days with a second price (ida3), 30 are needed"
    ]
    against_nothing.write_text(content)

    file = environment.artifact_folder / version.run_id / "artifacts" / "model" / "spread_model.cbm"
    file.write_bytes(b"damaged")
    forget_files()
    damaged = decide_again(ran, desk, environment)
    assert damaged["side"].unique().to_list() == ["flat"]
    assert damaged["strategy_model_version"].unique().to_list() == [None]
    assert damaged["reasons"].unique().to_list() == [
        "flat: no spread model serves this day, or one of its inputs is missing"
    ]
