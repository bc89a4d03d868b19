"""Block orders are dated data: what is known of an exchange, and a clear word where nothing is."""

from datetime import date

import pytest

from spot.errors import ConfigurationError
from spot.market.block_orders import BLOCK_ORDERS, block_orders, groups_of_zone
from spot.market.zones import TRADED_ZONES


def test_every_row_has_a_source_and_a_step() -> None:
    for one in BLOCK_ORDERS:
        assert one.source
        assert one.volume_step_mw > 0
        assert block_orders(one.exchange, one.valid_from) == one


def test_an_exchange_that_is_not_listed_and_a_day_before_all_sources_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="known are alpex, epex_spot, nord_pool"):
        block_orders("somewhere", date(2027, 1, 1))
    with pytest.raises(ConfigurationError, match="nothing is known before 2026-11-30"):
        block_orders("nord_pool", date(2020, 1, 1))


@pytest.mark.parametrize(
    ("zone", "exchange"),
    [("DE_LU", "epex_spot"), ("SE_4", "nord_pool"), ("EE", "nord_pool"), ("AL", "alpex")],
)
def test_a_zone_has_the_order_types_of_its_exchange_also_before_the_first_source(
    zone: str, exchange: str
) -> None:
    for day in (date(2024, 1, 1), date(2027, 1, 1)):
        found = groups_of_zone(zone, day)
        assert found is not None
        assert (found.exchange, found.volume_step_mw) == (exchange, 0.1)


def test_a_zone_without_a_known_exchange_has_none_unless_one_is_named() -> None:
    day = date(2025, 6, 3)
    for zone in ("SK", "PT", "ERCOT_NORTH_HUB"):
        assert groups_of_zone(zone, day) is None
    named = groups_of_zone("SK", day, "nord_pool")
    assert named is not None
    assert named.exchange == "nord_pool"
    with pytest.raises(ConfigurationError, match="no exchange 'epx'"):
        groups_of_zone("DE_LU", day, "epx")


def test_every_zone_of_an_exchange_is_a_zone() -> None:
    assert {zone for one in BLOCK_ORDERS for zone in one.zones} <= set(TRADED_ZONES)
