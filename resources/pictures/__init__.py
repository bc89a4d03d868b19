"""Pictures and metadata that people look at in the Dagster UI."""
