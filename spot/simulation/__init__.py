"""The simulated power market: deterministic from a seed, with known truth for tests and demonstrations."""
