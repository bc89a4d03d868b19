"""Who works at the command line: the user of the operating system, beside the name that was typed.

A typed name is a claim. The user of the operating system comes from the kernel, not from a variable.
"""

import os

_MAX_LENGTH = 80
"""Characters of a typed name that are kept: a name, and no essay in the log."""


def system_user() -> str:
    """Name of the user that this process runs as; its number where it has no name."""
    number = os.getuid()
    try:
        import pwd

        return pwd.getpwuid(number).pw_name
    except (KeyError, ImportError):
        return f"user {number}"


def recorded_name(typed: str = "") -> str:
    """What a record says of who did it: `Ann (system user deploy)`, or the user alone where nobody typed."""
    user, name = system_user(), " ".join(typed.split())[:_MAX_LENGTH]
    return user if not name or name == user else f"{name} (system user {user})"
