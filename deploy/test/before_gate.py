"""Whether every signal of a day is there in time, for the deploy test.

It reads `spotdesk signals --json` and fails unless each quarter hour has one, made before the gate.
"""

import json
import sys

QUARTER_HOURS = (92, 96, 100)
"""Of a day; two days a year are shorter or longer."""


def main() -> None:
    """Judge what is read from the standard input."""
    signals = json.load(sys.stdin)["signals"]
    units = {row["delivery_start_utc"] for row in signals}
    late = [row for row in signals if row["as_of_utc"] >= row["gate_closure_utc"]]
    if len(units) not in QUARTER_HOURS or late:
        sys.exit(f"{len(units)} units have a signal, and {len(late)} signals were made after the gate")
    sys.stdout.write(f"{len(signals)} signals for {len(units)} units, all before the gate\n")


if __name__ == "__main__":
    main()
