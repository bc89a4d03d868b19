"""What the desk sends: batches, reasons to refuse them, payloads and signatures, missing signals."""
