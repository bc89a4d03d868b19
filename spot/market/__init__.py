"""Bidding zones, delivery days, gates, publication rules and price limits.

Dated data, each with its source.
"""
