"""What the UI calls stale: an asset after a change of its code or of its inputs, and nothing else."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

import polars as pl
import pytest
from dagster import AssetKey, AssetsDefinition, DagsterInstance, materialize
from dagster._core.definitions.assets.graph.asset_graph import AssetGraph
from dagster._core.definitions.data_version import (
    CachingStaleStatusResolver,
    StaleCauseCategory,
    StaleStatus,
)
from dagster._core.loader import LoadingContextForTest

from desk.in_process import ChainRunner
from resources.clock import Clock
from resources.settings.environment import Environment
from resources.settings.zones import Desk
from spot.market.gates import gate_closure_utc
from trading_assets.catalogue import assets_for
from trading_assets.market_data.source_freshness import publication_lags
from trading_assets.partitions import partition_key

ZONE, DAY = "FR", date(2025, 9, 3)


@dataclass
class Shown:
    """What the UI says of assets, by what an instance has recorded."""

    instance: DagsterInstance

    def causes(
        self, assets: list[AssetsDefinition], name: str, partition: str | None = None
    ) -> list[StaleCauseCategory]:
        """Why an asset is stale; none where it is not.

        Raises:
            AssertionError: it was never materialised.
        """
        graph = AssetGraph.from_assets(assets)
        resolver = CachingStaleStatusResolver(self.instance, graph, LoadingContextForTest(self.instance))
        status = resolver.get_status(AssetKey(name), partition)
        assert status is not StaleStatus.MISSING
        causes = [one.category for one in resolver.get_stale_causes(AssetKey(name), partition)]
        assert (status is StaleStatus.STALE) == bool(causes)
        return causes


@pytest.fixture
def shown() -> Iterator[Shown]:
    with DagsterInstance.ephemeral() as instance:
        yield Shown(instance)


def test_an_asset_whose_code_changed_is_stale_until_it_is_made_again(
    shown: Shown, environment: Environment, desk: Desk
) -> None:
    resources = {
        "lake": ChainRunner(environment, desk, shown.instance).lake,
        "desk": desk,
        "clock": Clock(fixed_utc="2025-09-02T09:00:00+00:00"),
    }
    edited = publication_lags.map_asset_specs(lambda spec: spec.replace_attributes(code_version="edited"))
    assert materialize([publication_lags], resources=resources, instance=shown.instance).success
    assert shown.causes([publication_lags], "publication_lags") == []
    assert shown.causes([edited], "publication_lags") == [StaleCauseCategory.CODE]
    assert materialize([edited], resources=resources, instance=shown.instance).success
    assert shown.causes([edited], "publication_lags") == []


def test_features_are_stale_after_new_prices_and_not_after_the_same_again(
    shown: Shown, environment: Environment, desk: Desk
) -> None:
    runner, graph = (
        ChainRunner(environment, desk, shown.instance),
        assets_for({name: desk.zone(name) for name in desk.zones}),
    )
    before, today = partition_key(ZONE, DAY - timedelta(days=1)), partition_key(ZONE, DAY)
    first, now = DAY - timedelta(days=12), gate_closure_utc(ZONE, DAY)

    def is_stale() -> bool:
        causes = shown.causes(graph, "day_ahead_features", today)
        assert set(causes) <= {StaleCauseCategory.DATA}
        return bool(causes)

    runner.run("auction_results_loaded", before, now=now)
    runner.run("history_loaded", today, now=now, first_day=first)
    assert not is_stale()
    runner.run("auction_results_loaded", before, now=now)
    assert not is_stale(), "the same prices were fetched again"
    runner.run("auction_results_loaded", before, now=now, first_day=first)
    assert not is_stale(), "the same prices were fetched again with other days"
    prices = runner.lake.read(
        "day_ahead_prices", zones=[ZONE], first_day=DAY - timedelta(days=1), last_day=DAY - timedelta(days=1)
    )
    later = prices.with_columns(
        pl.col("price_eur_per_mwh") + 1.0, pl.col("available_at_utc") + timedelta(minutes=1)
    )
    runner.lake.append("day_ahead_prices", later, source="simulated")
    runner.run("auction_results_loaded", before, now=now)
    assert is_stale(), "a revision has come"
    runner.run("history_loaded", today, now=now, first_day=first)
    assert not is_stale()
