"""How soon a killed daemon is told by `spotdesk watch`, and what the watch costs.

    python -m benchmarks.safety.watch [--json]

A desk of its own is made; `spotdesk dev` and `spotdesk watch` run on it with their default settings. The
daemon and all its processes are killed (-9), and the message is waited for on a loopback webhook. Exit code 1
where it took longer than two minutes.
"""

import argparse
import json
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

from tests.support.killed_daemon import measure_killed_daemon

WITHIN_SECONDS = 120.0


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = measure_killed_daemon(Path(folder))
    if asked.json:
        print(json.dumps(asdict(found), indent=2))
    else:
        print(f"told {found.told_seconds:.0f} s after the kill: {found.messages[0]['text']}")
        print(
            f"the watch: first look {found.start_seconds:.1f} s after its start,"
            f" {found.memory_mb:.0f} MB resident"
        )
    sys.exit(0 if found.told_seconds <= WITHIN_SECONDS else 1)


if __name__ == "__main__":
    main()
