"""Assets of a trading day: features, forecasts, signals, outbox, settlement."""
