"""Judging, promoting and comparing versions, and asking for retrains."""
