"""The model of the spread between the day-ahead price and a zone's second price."""
