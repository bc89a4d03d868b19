"""The `spotdesk` command line and the reports people read."""
