"""Tables that live sources have besides the raw tables: outages, net positions, flows, the second auction.

They are captured and kept for analysts.
"""

from resources.market.live_sources import LIVE_ONLY_TABLES
from trading_assets.frame.raw_assets import raw_asset

_STORIES = {
    "other_auction_prices": (
        "market_data",
        "Another auction of the same day (EXAA): beside the coupled one, never mixed with it.",
    ),
    "imbalance_price_sides": (
        "market_data",
        "Where a surplus and a shortage are settled at two prices; one price stands in imbalance_prices.",
    ),
    "imbalance_volumes": ("market_data", "Surplus or shortage of the area."),
    "renewable_forecast_updates": (
        "fundamentals",
        "Renewed during the day: never known at the day-ahead gate.",
    ),
    "net_positions": ("fundamentals", "What the zone exports after the auction."),
    "net_transfer_capacities": (
        "fundamentals",
        "Offered to the day-ahead market, to each neighbour: known an hour before the gate.",
    ),
    "scheduled_exchanges": ("fundamentals", "What the day-ahead market sends to each neighbour."),
    "cross_border_flows": ("fundamentals", "What flowed to each neighbour, an hour after the period."),
    "outages": ("fundamentals", "Every revision is a row with the instant at which it was announced."),
    "available_capacity": ("fundamentals", "By fuel, as the owners last declared it."),
}

assets = [
    raw_asset(
        table,
        group=_STORIES[table][0],
        story=_STORIES[table][1],
        only_with="live_source",
        is_optional=True,
    )
    for table in LIVE_ONLY_TABLES
]
