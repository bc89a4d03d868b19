"""Fetching raw tables, judging them and their sources, and forecasting what no source publishes in time."""
