"""What a Dagster instance records of the desk: materialised days, and runs of other processes."""
