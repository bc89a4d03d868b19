"""Tests of spot/walk."""
