"""Market data from outside: live sources, files, captures, currencies."""
