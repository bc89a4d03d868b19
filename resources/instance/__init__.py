"""What a Dagster instance remembers of the desk: days that are materialised, runs of other processes."""
