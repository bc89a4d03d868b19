"""How many of 1,000 edits of a desk the books find, by somebody who can write everywhere and has no key.

    python -m benchmarks.safety.books [--edits 1000] [--seed 11] [--json]

A small desk is made, with prices, decisions, publications, risk events, promotions, two models, accepted
settings and stops. Its head is kept outside. Each edit is of one of 26 kinds: rows edited with and without
their checksums, commits written, copied and removed, the whole desk rolled back, the chain cut and forged,
the log of the stop button, the registry and the accepted settings edited. Checksums are made anew where they
are in the way. An edit is found where `spotdesk books verify --head` fails and names what was edited first.
It also measures what a record costs. Exit code 1 where an edit is missed, or a desk without one does not
verify.
"""

import argparse
import json
import random
import sqlite3
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.planted.books_desk import make_books_desk, undone
from benchmarks.planted.books_edits import EDITS
from resources.books.chain import Chain
from resources.books.verification.verify import verify
from resources.settings.environment import Environment
from spot.books.record import Head

_RECORDS = 300
_TABLES = ("model_versions", "model_version_tags", "registered_model_aliases")


@dataclass(slots=True)
class Trials:
    """What was planted and what was found."""

    planted: Counter[str] = field(default_factory=Counter)
    missed: list[str] = field(default_factory=list)
    false_alarms: list[str] = field(default_factory=list)
    verify_ms: list[float] = field(default_factory=list)
    """Of a sound desk, in ms."""
    append_ms: float = 0.0
    """A record, in ms of the processor: the mean."""

    @property
    def n_planted(self) -> int:
        """How many edits were planted."""
        return self.planted.total()


def plant(environment: Environment, head: Head, n_edits: int, seed: int) -> Trials:
    """Plant edits one after the other, each undone before the next."""
    rng, trials = random.Random(seed), Trials()  # noqa: S311 - a planted order that can be repeated
    for at in range(n_edits):
        edit = EDITS[at % len(EDITS)]
        with undone(environment.home), registry_restored(environment.home):
            word = edit(environment.home, rng)
            verdict = verify(environment, head=head)
        trials.planted[edit.__name__] += 1
        if verdict.is_sound or word not in verdict.first:
            trials.missed.append(f"{edit.__name__} ({word}): {verdict.first or 'nothing was found'}")
        if at % len(EDITS) == 0:
            began = time.perf_counter()
            sound = verify(environment, head=head)
            trials.verify_ms.append(1000 * (time.perf_counter() - began))
            if not sound.is_sound:
                trials.false_alarms.append(sound.first)
    trials.append_ms = _append_ms(environment)
    return trials


@contextmanager
def registry_restored(home: Path) -> Iterator[None]:
    """Whatever is done to the versions within is undone by statements, as another client would do it."""
    path = home / "mlflow.db"
    if not path.is_file():
        yield
        return
    with closing(sqlite3.connect(path)) as database:
        before = {table: database.execute(f"SELECT * FROM {table}").fetchall() for table in _TABLES}  # noqa: S608 - names of MLflow's own schema
    yield
    with closing(sqlite3.connect(path)) as database, database:
        for table in _TABLES:
            now = database.execute(f"SELECT * FROM {table}").fetchall()  # noqa: S608 - likewise
            if now != before[table]:
                database.execute(f"DELETE FROM {table}")  # noqa: S608 - likewise
                marks = ", ".join("?" * len(before[table][0]))
                database.executemany(f"INSERT INTO {table} VALUES ({marks})", before[table])  # noqa: S608 - likewise


def _append_ms(environment: Environment) -> float:
    chain = Chain(environment.home)
    began = time.process_time()
    for _ in range(_RECORDS):
        chain.append("commit", {"table": "none", "version": 0, "files": {"a": "0" * 64, "b": "0" * 64}})
    return 1000 * (time.process_time() - began) / _RECORDS


def main() -> None:
    """Command line.

    Raises:
        SystemExit: an edit was missed, or a sound desk did not verify.
    """
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--edits", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=11)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        environment = make_books_desk(Path(folder) / "desk")
        head = Chain(environment.home).head()
        if head is None:
            raise SystemExit("the desk keeps no books")
        trials = plant(environment, head, given.edits, given.seed)
    median = sorted(trials.verify_ms)[len(trials.verify_ms) // 2]
    facts = {
        "planted": trials.n_planted,
        "found": trials.n_planted - len(trials.missed),
        "false_alarms": len(trials.false_alarms),
        "verify_ms_median": round(median, 1),
        "append_cpu_ms": round(trials.append_ms, 3),
        "missed": trials.missed,
        "kinds": dict(trials.planted),
    }
    if given.json:
        sys.stdout.write(json.dumps(facts, indent=2) + "\n")
    else:
        for name, value in facts.items():
            sys.stdout.write(f"{name}: {value}\n")
    if trials.missed or trials.false_alarms:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
