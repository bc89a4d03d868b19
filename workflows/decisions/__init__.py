"""Deciding a span of days, recording what went live, replaying and explaining it."""
