"""Market data files: recorded data sets and the tidy layout that a desk writes itself."""
