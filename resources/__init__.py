"""Everything outside the process: storage, registry, alerts, publication. Configuration and thin adapters."""
