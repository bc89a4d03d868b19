"""One parser per provider: bytes in, rows under contract out."""
