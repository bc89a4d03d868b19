"""What naive rivals of the zone's strategies would have earned on the desk's own record of some days."""

from collections.abc import Sequence
from datetime import date

from desk.figures.money import Rivals
from resources.lake.lake import Lake
from resources.models.registry import ModelRegistry
from resources.settings.environment import Environment
from resources.settings.strategies import strategies_of
from resources.settings.zones import Desk
from spot.backtest.assumptions import Assumptions
from spot.backtest.rivals import naive_rivals
from spot.backtest.trading import run_backtest
from spot.errors import SpotdeskError
from spot.market.delivery import ZoneDays
from workflows.decisions.backtest_setup import stored_setup


def naive_money(
    zone: str,
    days: Sequence[date],
    *,
    lake: Lake,
    desk: Desk,
    registry: ModelRegistry,
    environment: Environment,
) -> tuple[Rivals, str]:
    """The rivals of every strategy on `days`, ascending, and why there are none where there are none.

    They are those of `spotdesk backtest` on the desk's record: rules on the sign of the spread, or the
    strategy itself on the prices of last week.
    """
    span = ZoneDays(zone, days[0], days[-1])
    try:
        strategies = strategies_of(desk, zone)
        setup = stored_setup(
            span,
            strategies,
            lake,
            desk,
            registry,
            environment.trading_state,
            assumed=Assumptions(),
        )
        walked = {
            strategy.strategy: {name: run_backtest(one, days).settlements for name, one in rivals.items()}
            for strategy, rivals in zip(strategies, naive_rivals(setup, days), strict=True)
        }
    except SpotdeskError as error:
        return {}, f"naive rivals could not be computed: {error}"
    return walked, ""
