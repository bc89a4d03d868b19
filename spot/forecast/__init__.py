"""Probabilistic day-ahead price forecasters behind one interface, their calibration and their scores."""
