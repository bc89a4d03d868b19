"""The lineage graph: one module per layer, each asset with its checks beside it."""
