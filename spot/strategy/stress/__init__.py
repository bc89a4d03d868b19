"""What the orders of a day would earn under prices that are given: paths of the day, and stress tests."""
