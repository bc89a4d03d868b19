"""Figures of the desk for Prometheus."""
