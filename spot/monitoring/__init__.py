"""Verdicts on data, drift, forecasts and performance. A monitor that cannot see its input reports that."""
