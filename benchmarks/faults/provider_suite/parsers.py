"""What parsers make of bodies that are recorded, cut, flipped and mutated."""

import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.faults.provider_suite.figure import Figure, at_least, at_most
from benchmarks.planted.provider_mutations import MUST_ALL_BE_CAUGHT, run_mutations
from benchmarks.planted.us_mutations import MUST_ALL_BE_CAUGHT as US_MUST_ALL_BE_CAUGHT
from benchmarks.planted.us_mutations import run_us_mutations
from spot.errors import ContractError
from spot.sources.judging.plausibility import assess_plausibility
from tests.support.recorded_bodies import BODIES, EXPECTED, RecordedBody
from tests.support.recorded_history import bad_prices, clean_history
from tests.support.us_bodies import us_bodies

N_BODIES = 20
_LAST_RESORT = (
    KeyError,
    TypeError,
    ValueError,
    IndexError,
    AttributeError,
    RecursionError,
    MemoryError,
    OverflowError,
)


def cut_documents(folder: Path, *, stride: int) -> Iterator[Figure]:
    """Twenty recorded bodies, cut at every byte.

    Each cut must be refused as a contract error, and nothing else may be raised.
    """
    chosen = [body for body in BODIES if not isinstance(EXPECTED[body.path], str)]
    chosen += [body for body in BODIES if isinstance(EXPECTED[body.path], str)][: N_BODIES - len(chosen)]
    n_cuts = n_refused = n_other = 0
    started = time.perf_counter()
    for recorded in chosen[:N_BODIES]:
        content = recorded.read(folder).rstrip()
        for n_bytes in range(0, len(content), stride):
            n_cuts += 1
            outcome = _outcome(recorded, content[:n_bytes])
            n_refused += outcome == "refused"
            n_other += outcome == "other error"
    seconds = time.perf_counter() - started
    yield at_least(
        "cut documents refused",
        100.0 * n_refused / n_cuts,
        100.0,
        "%",
        f"{n_cuts:,} cuts of {N_BODIES} bodies in {seconds:.0f} s",
    )
    yield at_most("errors of our own on cut documents", n_other, 0, "")


def _outcome(recorded: RecordedBody, body: bytes) -> str:
    try:
        recorded.parse(body)
    except ContractError:
        return "refused"
    except _LAST_RESORT:
        return "other error"
    return "accepted"


def cut_us_documents(*, stride: int) -> Iterator[Figure]:
    """Documents of PJM, ERCOT and the ECB, cut at every byte.

    They are built to the specification, since none is recorded.
    """
    n_cuts = n_refused = n_whole = 0
    for parse, body in us_bodies():
        n_whole += parse(body).n_rows > 0
        for n_bytes in range(0, len(body), stride):
            n_cuts += 1
            try:
                parse(body[:n_bytes])
            except ContractError:
                n_refused += 1
    yield at_least("built US and ECB documents read", n_whole, len(us_bodies()), "")
    yield at_least(
        "cut US and ECB documents refused",
        100.0 * n_refused / n_cuts,
        100.0,
        "%",
        f"{n_cuts:,} cuts of {len(us_bodies())} documents",
    )


def us_mutations(folder: Path, *, n_mutations: int) -> Iterator[Figure]:
    tried, escapes = run_us_mutations(folder, n_mutations, seed=20261101)
    kinds = ", ".join(sorted({kind for kind, _ in escapes})) or "none"
    caught = 100.0 * (1.0 - len(escapes) / tried.total())
    yield at_least(
        "US mutations quarantined",
        caught,
        99.0,
        "%",
        f"{tried.total():,} seeded mutations of {len(tried)} kinds; got through: {kinds}",
    )
    must = [kind for kind, _ in escapes if kind in US_MUST_ALL_BE_CAUGHT]
    yield at_most(f"of {', '.join(US_MUST_ALL_BE_CAUGHT)} got through", len(must), 0, "")


def flipped_bytes(folder: Path, *, n_flips: int) -> Iterator[Figure]:
    """Single bytes changed at random in every recorded body.

    Accepted or refused, but never an error of our own.
    """
    import random

    rng = random.Random(7)  # noqa: S311 - a benchmark that can be repeated
    n_other = n_tried = 0
    for recorded in BODIES:
        content = recorded.read(folder)
        for _ in range(n_flips // len(BODIES)):
            at = rng.randrange(len(content))
            n_tried += 1
            n_other += (
                _outcome(recorded, content[:at] + bytes([rng.randrange(256)]) + content[at + 1 :])
                == "other error"
            )
    yield at_most("errors of our own on changed bytes", n_other, 0, "", f"{n_tried:,} single bytes changed")


def recorded_bodies(folder: Path) -> Iterator[Figure]:
    n_right = 0
    for recorded in BODIES:
        expected = EXPECTED[recorded.path]
        try:
            tables = {
                name: frame.height for name, frame in recorded.parse(recorded.read(folder)).tables.items()
            }
            n_right += tables == expected
        except ContractError as error:
            n_right += isinstance(expected, str) and expected in str(error)
    yield at_least("recorded bodies read, or refused by name", n_right, len(BODIES), "", f"of {len(BODIES)}")


def mutations(folder: Path, *, n_mutations: int) -> Iterator[Figure]:
    tried, escapes = run_mutations(folder, n_mutations, seed=20261101)
    caught = 100.0 * (1.0 - len(escapes) / tried.total())
    kinds = ", ".join(sorted({escape.kind for escape in escapes})) or "none"
    yield at_least(
        "mutations quarantined",
        caught,
        99.0,
        "%",
        f"{tried.total():,} seeded mutations of {len(tried)} kinds; got through: {kinds}",
    )
    must = [escape for escape in escapes if escape.kind in MUST_ALL_BE_CAUGHT]
    yield at_most(f"of {', '.join(MUST_ALL_BE_CAUGHT)} got through", len(must), 0, "")


def history(folder: Path) -> Iterator[Figure]:
    n_rows = n_quarantined = n_spikes = 0
    for _, table, rows, n_recorded in clean_history(folder):
        verdict = assess_plausibility(table, rows)
        n_rows += n_recorded
        n_quarantined += verdict.quarantined.height + n_recorded - rows.height
        n_spikes += verdict.flags.height
    yield at_most(
        "clean history quarantined",
        100.0 * n_quarantined / n_rows,
        0.5,
        "%",
        f"{n_quarantined:,} of {n_rows:,} recorded values",
    )
    yield at_least("real extremes passed with a flag", n_spikes, 1, "days")
    share = assess_plausibility("day_ahead_prices", bad_prices(folder))
    yield at_least(
        "the recorded parser failure is refused",
        float(share.is_refused),
        1,
        "",
        f"{100 * share.quarantined_share:.0f} % of its rows quarantined",
    )
