"""Day-by-day walks that live trading, replay and backtest share.

Forecasts are made at each gate, then signals.
"""
