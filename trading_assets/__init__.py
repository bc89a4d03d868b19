"""The lineage graph: one module per layer, each asset beside its checks."""
