"""The books: a signed hash chain of what the desk did, its verification, and certificates of signals."""
