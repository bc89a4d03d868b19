"""What faults, planted and recorded, do to data, files and runs."""
