"""The facts of a desk, read once. Commands and the trader's screen show the same ones."""
