"""Whether a desk can be stopped, guarded, watched and proven."""
