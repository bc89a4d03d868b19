"""Forecasting a span of days with the versions that serve them."""
