"""From the monitors' verdicts to rows and alerts."""
