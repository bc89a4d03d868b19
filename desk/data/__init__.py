"""Commands that load, derive and query data."""
