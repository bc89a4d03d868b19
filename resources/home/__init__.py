"""The folder of a desk: found, made, moved, copied, backed up, restored and upgraded."""
