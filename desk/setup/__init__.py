"""Commands that set up a desk and say what is missing."""
