"""What leaves the desk: batches, reasons to refuse them, payloads and signatures, silence."""
