"""Settings that only people may change: what changed, who accepted it, and what is in force."""
