"""The default forecaster: an ensemble of Gaussian processes, LEAR and trees with calibrated quantiles."""
