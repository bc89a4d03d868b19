"""What a desk costs as it runs: time, memory and rows."""
