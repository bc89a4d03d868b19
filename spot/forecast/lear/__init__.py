"""LEAR: a LASSO-estimated autoregression per hour."""
