"""Tests of spot/lifecycle."""
