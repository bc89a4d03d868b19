"""A parser and a clean document for every feed of the US markets and for the exchange rates.

None of them is recorded, so they are built.
"""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from functools import partial

from spot.market.delivery import day_bounds_utc
from spot.sources.parsed import Capture, ParsedDocument
from spot.sources.providers.ecb import parse_ecb
from spot.sources.providers.ercot import parse_ercot
from spot.sources.providers.pjm import parse_pjm
from tests.support import us_documents as us

_NOW = datetime(2026, 11, 1, tzinfo=UTC)


def us_bodies() -> list[tuple[Callable[[bytes], ParsedDocument], bytes]]:
    """A parser and a clean document for every feed of the US markets, and for exchange rates.

    On the 25-hour day of autumn.
    """
    day, western, north = date(2025, 11, 2), "PJM_WESTERN_HUB", "ERCOT_NORTH_HUB"
    pjm, ercot = (Capture(zone=zone, captured_at_utc=_NOW, is_backfill=True) for zone in (western, north))
    prices, quarters, loads = (
        [20.0 + at for at in range(25)],
        [20.0 + at / 4 for at in range(100)],
        [60_000.0 + at for at in range(25)],
    )
    made = day_bounds_utc(north, day)[0] - timedelta(hours=15)
    return [
        (
            partial(parse_pjm, feed="da_hrl_lmps", capture=pjm),
            us.pjm_body(us.pjm_price_rows(western, day, prices)),
        ),
        (
            partial(parse_pjm, feed="rt_hrl_lmps", capture=pjm),
            us.pjm_body(us.pjm_price_rows(western, day, prices, "rt")),
        ),
        (
            partial(parse_pjm, feed="load_frcstd_7_day", capture=pjm),
            us.pjm_body(us.pjm_load_rows(western, day, loads, made)),
        ),
        (
            partial(parse_ercot, report="dam_stlmnt_pnt_prices", capture=ercot),
            us.ercot_body(us.ercot_price_rows(north, day, prices)),
        ),
        (
            partial(parse_ercot, report="spp_node_zone_hub", capture=ercot),
            us.ercot_body(us.ercot_price_rows(north, day, quarters, 15)),
        ),
        (
            partial(parse_ercot, report="lf_by_model_weather_zone", capture=ercot),
            us.ercot_body(us.ercot_load_rows(north, day, loads, made)),
        ),
        (partial(parse_ecb, capture=pjm), us.ecb_body("USD", us.weekday_rates(date(2025, 1, 1), day))),
    ]
