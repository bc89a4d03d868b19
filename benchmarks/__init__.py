"""Measurements and studies, each one command; README.md beside this file lists them."""
