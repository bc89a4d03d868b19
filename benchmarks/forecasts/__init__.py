"""What forecasts are worth and what they cost."""
