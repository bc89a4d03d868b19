"""Models outside the process: the registry on MLflow and training orders."""
