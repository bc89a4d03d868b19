"""Rows and alerts from the monitors' verdicts."""
