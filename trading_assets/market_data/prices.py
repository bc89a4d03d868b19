"""Market data: the prices of the markets. First group of the lineage."""

from trading_assets.frame.raw_assets import raw_asset, raw_checks

GROUP = "market_data"

day_ahead_prices = raw_asset(
    "day_ahead_prices",
    group=GROUP,
    story="Known about an hour after the gate of the day before; every forecast is judged by it.",
)
intraday_prices = raw_asset(
    "intraday_prices", group=GROUP, story="The later price against which a day-ahead position is closed."
)
imbalance_prices = raw_asset(
    "imbalance_prices",
    group=GROUP,
    story="The price of what was not delivered; revised for weeks, a row per revision.",
)

day_ahead_prices_checks = raw_checks("day_ahead_prices")
intraday_prices_checks = raw_checks("intraday_prices")
imbalance_prices_checks = raw_checks("imbalance_prices")
