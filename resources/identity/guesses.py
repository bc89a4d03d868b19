"""Guesses of passwords: after some wrong ones a name has to wait."""

import time
from collections import defaultdict

MAX_FAILURES = 5
WAIT_SECONDS = 60.0
_MOST_NAMES = 10_000
"""Wrong passwords of one name within a wait, seconds of the wait, and names that are kept at most. Five tries
a minute find no password of twelve characters. Chosen by hand.
"""


class Guesses:
    """Counts the guesses of each name in the last minute, in this process."""

    def __init__(self) -> None:
        self._failures: dict[str, list[float]] = defaultdict(list)

    def has_to_wait(self, name: str) -> bool:
        """Whether the name was guessed too often."""
        now = time.monotonic()
        if len(self._failures) > _MOST_NAMES:  # names that somebody makes up shall not fill the memory
            self._failures.clear()
        recent = [at for at in self._failures.get(name, []) if now - at < WAIT_SECONDS]
        self._failures[name] = recent
        return len(recent) >= MAX_FAILURES

    def count(self, name: str) -> None:
        """Count a guess."""
        self._failures[name].append(time.monotonic())

    def forget(self, name: str) -> None:
        """The password was right."""
        self._failures.pop(name, None)
