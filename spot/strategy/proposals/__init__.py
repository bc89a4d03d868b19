"""The strategies: each proposes orders from a forecast before limits are applied."""
