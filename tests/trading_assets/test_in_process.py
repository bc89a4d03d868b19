"""The whole chain in one process.

What it leaves, that it repeats, and that a killed run repeated leaves the same.
"""

import shutil
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from desk.in_process import ChainFailedError, ChainRequest, run_chain
from resources.lake.lake import Lake
from resources.models.registry import ModelRegistry
from resources.settings.desk import desk_resource
from resources.settings.environment import Environment, read_environment
from resources.settings.zones import Desk
from resources.wiring import make_lake, make_registry
from spot.errors import ConfigurationError
from spot.market.delivery import n_periods

FIRST, LAST = date(2025, 9, 28), date(2025, 10, 3)
"""Days of hours, then days of quarter hours."""
DERIVED = (
    "day_ahead_features",
    "day_ahead_forecasts",
    "signals",
    "signal_reasons",
    "settlements",
    "feature_drift",
    "forecast_performance",
    "promotion_decisions",
    "retrain_requests",
    "training_set",
    "alerts",
)


def rows_of(lake: Lake) -> dict[str, pl.DataFrame]:
    return {table: lake.read(table) for table in DERIVED}


def assert_same_rows(before: dict[str, pl.DataFrame], after: dict[str, pl.DataFrame]) -> None:
    for table, rows in before.items():
        assert rows.equals(after[table]), f"{table}: {rows.height} rows before, {after[table].height} after"


def test_the_chain_forecasts_trades_and_judges_every_day_and_repeats_itself(
    environment: Environment, desk: Desk
) -> None:
    request = ChainRequest(zones=("FR",), first_day=FIRST, last_day=LAST, block_days=6)
    report = run_chain(request, environment=environment, desk=desk)
    lake, registry = make_lake(environment), make_registry(environment)
    forecasts = lake.read("day_ahead_forecasts", zones=["FR"]).filter(pl.col("role") == "champion")
    days = [FIRST + timedelta(days=i) for i in range(6)]
    assert forecasts["delivery_day"].unique().sort().to_list() == days
    assert forecasts.height == sum(
        n_periods("FR", day) for day in days
    )  # hours until September, quarter hours from October on
    assert not report.blocked
    assert not report.failed, "a fresh desk has warnings and no red"
    assert (forecasts["newest_input_utc"] <= forecasts["as_of_utc"]).all()
    versions = registry.versions("FR")
    assert versions[0].trained_through < FIRST
    assert {v.version for v in versions if v.stage == "champion"} >= set(forecasts["model_version"].unique())
    signals = lake.read("signals", zones=["FR"]).filter(pl.col("role") == "champion")
    assert signals.height == forecasts.height
    assert (
        lake.read("settlements", zones=["FR"]).filter(pl.col("role") == "champion").height == signals.height
    )
    assert lake.read("feature_drift", zones=["FR"])["delivery_day"].unique().to_list() == [LAST]
    reasons = lake.read("signal_reasons", zones=["FR"])
    assert reasons["delivery_day"].unique().to_list() == [LAST]
    assert set(reasons["signal_id"]) == set(signals.filter(pl.col("delivery_day") == LAST)["signal_id"])
    before = rows_of(lake)
    again = run_chain(request, environment=environment, desk=desk)
    assert not again.trained
    assert [v.version for v in registry.versions("FR")] == [v.version for v in versions]
    assert_same_rows(before, rows_of(lake))


class Killed(BaseException):
    """The process died here."""


class Fuse:
    """Dies at the n-th write, before or after it reached the disk; a dead process writes nothing more."""

    def __init__(self, n_writes: int, *, is_after: bool) -> None:
        self.left, self.is_after = n_writes, is_after

    def wrap(self, method: Callable[..., Any]) -> Callable[..., Any]:
        def fused(*args: Any, **kwargs: Any) -> Any:
            self.left -= 1
            if self.left < 0 or (self.left == 0 and not self.is_after):
                raise Killed
            result = method(*args, **kwargs)
            if self.left == 0:
                raise Killed
            return result

        return fused


# In the raw data; a version registered and not evaluated; the alias moved and the stage not written;
# evaluated again and not decided.
MOMENTS = ((4, True), (11, True), (14, True), (11, False))


@pytest.mark.parametrize(
    "moments", [MOMENTS[1:2], pytest.param(MOMENTS, marks=pytest.mark.slow)], ids=["once", "again and again"]
)
def test_a_run_that_is_killed_leaves_the_rows_of_one_that_never_was(
    environment: Environment,
    desk: Desk,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    moments: tuple[tuple[int, bool], ...],
) -> None:
    request = ChainRequest(
        zones=("FR",),
        first_day=FIRST,
        last_day=FIRST + timedelta(days=1),
        block_days=2,
        retrains_on_drift=False,
    )
    calm = read_environment(home=tmp_path / "calm")
    calm.home.mkdir()
    shutil.copy(environment.home / "mlflow.db", calm.home / "mlflow.db")
    run_chain(request, environment=calm, desk=desk)
    for n_writes, is_after in moments:
        with monkeypatch.context() as patch:
            fuse = Fuse(n_writes, is_after=is_after)
            for owner, names in (
                (Lake, ("append", "replace", "upsert")),
                (ModelRegistry, ("register", "promote", "set_stage", "set_tag")),
            ):
                for name in names:
                    patch.setattr(owner, name, fuse.wrap(getattr(owner, name)))
            with pytest.raises((Killed, ChainFailedError), match=r"Killed|^$"):
                run_chain(request, environment=environment, desk=desk)
    run_chain(request, environment=environment, desk=desk)
    killed = rows_of(make_lake(environment))
    assert killed["signals"].height == 48
    assert [v.stage for v in make_registry(environment).versions("FR")] == ["champion"]
    assert_same_rows(rows_of(make_lake(calm)), killed)


def test_a_desk_without_enough_history_stays_flat_and_says_why(environment: Environment) -> None:
    desk = desk_resource(
        environment, model="naive", training_days=30, minimum_training_days=90, evaluation_days=10
    )
    request = ChainRequest(zones=("FR",), first_day=FIRST, last_day=FIRST)
    with pytest.raises(ChainFailedError, match="90 needed"):
        run_chain(request, environment=environment, desk=desk)
    lake = make_lake(environment)
    assert lake.read("day_ahead_forecasts").is_empty()
    assert lake.read("signals").is_empty()


def test_an_empty_request_and_an_unknown_zone_are_refused(environment: Environment, desk: Desk) -> None:
    with pytest.raises(ConfigurationError, match="nothing to run"):
        ChainRequest(zones=(), first_day=FIRST, last_day=LAST)
    with pytest.raises(ConfigurationError, match=r"not in zones\.yaml"):
        run_chain(
            ChainRequest(zones=("SK",), first_day=FIRST, last_day=LAST), environment=environment, desk=desk
        )
