"""Whether values from a source can be trusted: plausibility, revisions, freshness, publication lag."""
