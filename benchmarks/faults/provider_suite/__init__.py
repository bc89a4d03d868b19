"""The parts of the suite that `benchmarks.faults.provider_faults` runs."""
