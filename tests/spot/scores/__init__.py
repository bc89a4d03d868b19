"""Tests of spot/scores."""
