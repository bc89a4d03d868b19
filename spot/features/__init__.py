"""What was known at an instant, and the only door from the ledger to a model."""
