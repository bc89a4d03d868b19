"""CatBoost: the forecaster, its hour table, its files, and the trees on an ensemble's residuals."""
