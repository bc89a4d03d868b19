"""Whether a forecast and a zone are fit to trade on, and if not, why."""
