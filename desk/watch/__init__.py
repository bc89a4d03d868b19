"""`spotdesk watch`: an alarm from outside the daemon. Nothing here imports Dagster."""
