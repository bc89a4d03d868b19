"""Deciding a span of days, keeping what went live, replaying and explaining it."""
