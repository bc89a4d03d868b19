"""Whether a forecast and a zone are ready to trade, and if not, why."""
