"""Scores of forecasts and the tests of whether one is significantly better than another."""
