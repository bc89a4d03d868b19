"""Processes of this host."""

import os


def is_process(pid: int) -> bool:
    """Whether a process of this number is there; in doubt it is."""
    if os.name != "posix":
        return True
    try:
        os.kill(pid, 0)  # asks, and sends nothing
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
