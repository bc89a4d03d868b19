"""What leaves the desk and what stops it: outbox, alerts, trading state, locks."""
