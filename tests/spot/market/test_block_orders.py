"""Block orders are dated data: what is known of an exchange, and a clear word where nothing is."""

from datetime import date

import pytest

from spot.errors import ConfigurationError
from spot.market.block_orders import BLOCK_ORDERS, block_orders


def test_every_row_has_a_source_and_a_step() -> None:
    for one in BLOCK_ORDERS:
        assert one.source
        assert one.volume_step_mw > 0
        assert block_orders(one.exchange, one.valid_from) == one


def test_an_exchange_that_is_not_listed_and_a_day_before_all_sources_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="known are epex_spot, nord_pool"):
        block_orders("somewhere", date(2027, 1, 1))
    with pytest.raises(ConfigurationError, match="nothing is known before 2026-11-30"):
        block_orders("nord_pool", date(2020, 1, 1))
