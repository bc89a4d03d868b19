"""Exclusive groups of block orders: the auction picks the units, the desk only the phases of its plan."""
