"""Day-by-day walks that live trading, replay and backtest share: forecasts made at each gate, then signals."""
