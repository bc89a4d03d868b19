"""`spotdesk demo`: the whole loop on simulated markets."""
