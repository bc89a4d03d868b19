"""`spotdesk watch`: an alarm from outside the daemon. Dagster is asked only where Postgres has its records."""
