"""The fault suite of the live sources: what providers get wrong, and how much of it enters the ledger.

    python -m benchmarks.faults.provider_faults [--json] [--quick]

Exit 1 where a figure is missed. Everything runs on recorded bodies, on documents built to the providers'
specifications, and against a provider on loopback. Nothing leaves the machine.
"""

import argparse
import json
import os
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from benchmarks.faults.provider_suite.client import client_faults
from benchmarks.faults.provider_suite.figure import Figure
from benchmarks.faults.provider_suite.hostile import bombs, hostile_documents
from benchmarks.faults.provider_suite.parsers import (
    cut_documents,
    cut_us_documents,
    flipped_bytes,
    history,
    mutations,
    recorded_bodies,
    us_mutations,
)
from benchmarks.faults.provider_suite.throughput import throughput

ROOT = Path(__file__).resolve().parents[2]


def all_figures(folder: Path, *, is_quick: bool) -> Iterator[Figure]:
    yield from recorded_bodies(folder)
    yield from cut_documents(folder, stride=97 if is_quick else 1)
    yield from flipped_bytes(folder, n_flips=280 if is_quick else 5600)
    yield from mutations(folder, n_mutations=170 if is_quick else 1000)
    yield from cut_us_documents(stride=97 if is_quick else 1)
    yield from us_mutations(folder, n_mutations=150 if is_quick else 1000)
    if not is_quick:
        yield from history(folder)
    yield from hostile_documents()
    if not is_quick:
        yield from bombs()
    yield from client_faults()
    yield from throughput(n_zones=1 if is_quick else 13)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="figures as JSON")
    parser.add_argument("--quick", action="store_true", help="a sample of every part, under a minute")
    parser.add_argument(
        "--data",
        type=Path,
        default=Path(os.environ.get("SPOTDESK_MARKET_DATA", ROOT.parent / "shared" / "data")),
    )
    arguments = parser.parse_args()
    figures = []
    for figure in all_figures(arguments.data, is_quick=arguments.quick):
        figures.append(figure)
        if not arguments.json:
            print(
                f"{'ok  ' if figure.is_met else 'MISS'} {figure.name:<66} {figure.value:>12g}"
                f" {figure.unit:<5} {figure.target:<9} {figure.note}",
                flush=True,
            )
    if arguments.json:
        print(json.dumps([asdict(figure) for figure in figures], indent=2))
    return 0 if all(figure.is_met for figure in figures) else 1


if __name__ == "__main__":
    sys.exit(main())
