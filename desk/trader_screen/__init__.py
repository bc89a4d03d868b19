"""The trader's screen: one page over the figures of the desk, and the stop button always in sight."""
