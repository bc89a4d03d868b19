"""Worlds and faults with known truth, which benchmarks and tests plant."""
