"""Fundamentals: what moves the price, as forecast and as measured. Second group of the lineage."""

from trading_assets.frame.raw_assets import raw_asset, raw_checks

GROUP = "fundamentals"

load_forecasts = raw_asset(
    "load_forecasts", group=GROUP, story="Published two hours before the gate and revised later."
)
renewable_forecasts = raw_asset(
    "renewable_forecasts",
    group=GROUP,
    story="By rule published at 18:00, after the gate: features use nothing that comes later than the gate.",
)
load_actuals = raw_asset("load_actuals", group=GROUP, story="Published an hour after the period.")
generation_actuals = raw_asset("generation_actuals", group=GROUP, story="Published an hour after the period.")

load_forecasts_checks = raw_checks("load_forecasts")
renewable_forecasts_checks = raw_checks("renewable_forecasts")
load_actuals_checks = raw_checks("load_actuals")
generation_actuals_checks = raw_checks("generation_actuals")
