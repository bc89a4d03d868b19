"""What people did through the UI: one line each in a file of the desk that only grows."""

import json
import logging
import os
from collections.abc import Sequence
from pathlib import Path

from resources.identity.roles import Identity
from resources.identity.users import FOLDER
from resources.wall_clock import utc_now

_LOG = logging.getLogger("spotdesk.identity")


def note_action(home: Path, who: Identity, what: Sequence[str]) -> None:
    """Write down who did what, and how they were known. A full disk is logged and stops nobody."""
    line = {
        "at_utc": utc_now().isoformat(),
        "name": who.name,
        "role": who.role,
        "known_by": who.how,
        "did": list(what),
    }
    path = home / FOLDER / "deeds.jsonl"
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        with os.fdopen(descriptor, "a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
    except OSError as error:
        _LOG.warning("%s of %s is not written down: %s", ", ".join(what), who.name, error)
