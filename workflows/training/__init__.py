"""What a version learns from: the window, the data, their fingerprints."""
