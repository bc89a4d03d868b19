"""An auction is read by default only where its result is known before the reader's gate."""

from datetime import date

import pytest

from spot.contracts.feature_tables import EARLIER_INPUTS, EARLIER_PRICE_FEATURES
from spot.market.earlier_auctions import EARLIER_AUCTIONS, auctions_near
from spot.market.fuels import FUELS, fuels_near
from spot.market.zones import ZONES


def names(zone: str) -> list[str]:
    return [auction.name for auction in auctions_near(zone)]


@pytest.mark.parametrize("zone", sorted(ZONES))
def test_what_a_zone_reads_is_known_before_its_gate(zone: str) -> None:
    last = ZONES[zone].last_day
    for auction in auctions_near(zone):
        assert auction.clears_before_gate_of(zone, last or date(2025, 7, 1))


def test_neighbours_of_an_auction_read_it_and_others_do_not() -> None:
    assert names("DE_LU") == ["CH", "EXAA"]
    assert names("FR") == ["CH", "GB"]
    assert names("IE_SEM") == ["GB"]
    assert names("FI") == names("CH") == names("GB") == []


def test_an_auction_that_clears_after_a_gate_is_not_earlier() -> None:
    assert not EARLIER_AUCTIONS["CH"].clears_before_gate_of("GB"), "11:30 against 09:50 UK time"
    assert EARLIER_AUCTIONS["CH"].clears_before_gate_of("PL")


def test_every_auction_and_fuel_has_a_feature() -> None:
    assert {auction.series for auction in EARLIER_AUCTIONS.values()} == set(EARLIER_PRICE_FEATURES)
    assert set(EARLIER_PRICE_FEATURES.values()) | set(FUELS.values()) == set(EARLIER_INPUTS)
    assert fuels_near("PT") == tuple(FUELS)
    assert fuels_near("PJM_WESTERN_HUB") == fuels_near("GB") == ()
