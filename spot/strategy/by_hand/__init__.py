"""Orders that people change before the gate: what then leaves, and whether the limits allow it."""
