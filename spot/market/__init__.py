"""Bidding zones, delivery days, gates, publication rules and price limits: dated data, each with its source."""
