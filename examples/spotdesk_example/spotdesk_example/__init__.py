"""A strategy, a model and a source of Spotdesk that come from another package."""
