"""Whether what a source gave can be believed: plausibility, revisions, freshness, publication lag."""
