"""Lists to choose from: zones, sources, strategies and model profiles, plug-ins included."""
