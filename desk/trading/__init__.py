"""Commands of a trading day: run, signals, status, stop, backtest."""
