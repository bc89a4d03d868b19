"""Fetching raw tables, judging them and their sources, and forecasting what no source forecasts in time."""
