"""Judging, promoting and comparing versions, and requesting retrains."""
