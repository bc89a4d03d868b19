"""What a strategy would have earned: the walk that trades live, over the past, and its report."""
