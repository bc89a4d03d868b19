"""`spotdesk assess`: is a new zone worth trading."""
