"""From a forecast to a signal: side, volume and limit price for each market time unit."""
