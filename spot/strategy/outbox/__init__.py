"""The messages that carry published signals: batches, payloads, signatures."""
