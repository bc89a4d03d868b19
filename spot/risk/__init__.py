"""Limits before a signal exists, and money after it: pre-trade checks, settlement, value at risk."""
