"""Walk-forward replay through the functions that serve, and the verdict on promotion."""
