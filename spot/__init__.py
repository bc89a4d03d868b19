"""The pure core of Spotdesk: no files, no network, no clock, no environment, no Dagster."""
