"""Clients of the data providers: which request to send, with which limits."""
