"""What every table must look like, and the one matrix type that models read."""
