"""The life of a model version: when it is retrained, how it is judged, promoted or rejected."""
