"""Bytes of a provider in, rows under contract out."""
