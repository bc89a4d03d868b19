"""Locks and turns that all processes of a desk share: files, or Postgres where it keeps the records."""
