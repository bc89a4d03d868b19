"""Commands of every day: pnl, positions, limits, alerts, and the status that follows the clock."""
