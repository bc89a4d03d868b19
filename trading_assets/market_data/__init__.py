"""Assets of raw market data and the freshness of its sources."""
