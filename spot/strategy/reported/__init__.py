"""What the exchange reported of the desk's orders: as fills that settle, and beside what was sent."""
