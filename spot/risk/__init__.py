"""Limits before a signal exists, and P&L after it: pre-trade checks, settlement, value at risk."""
