"""Commands that set up a desk and show what is missing."""
