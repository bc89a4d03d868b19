"""Comparing the chain with itself, with a head from outside, and with everything that it pins."""
