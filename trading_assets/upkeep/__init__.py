"""Assets that keep the lake and the analysts' database in order."""
