"""`spotdesk watch`: an alarm from outside the daemon. It asks Dagster only where Postgres has its records."""
