"""The fault suite of the live sources: what providers get wrong, and how much of it enters the ledger.

    python -m benchmarks.faults.provider_faults [--json] [--quick]

Exit 1 where a figure is missed. Everything runs on recorded bodies, on documents built to the providers'
specifications, and against a provider on loopback. Nothing leaves the machine.
"""

import argparse
import io
import json
import logging
import os
import struct
import subprocess
import sys
import tempfile
import time
import traceback
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path

from benchmarks.planted.provider_mutations import MUST_ALL_BE_CAUGHT, run_mutations
from benchmarks.planted.us_mutations import MUST_ALL_BE_CAUGHT as US_MUST_ALL_BE_CAUGHT
from benchmarks.planted.us_mutations import run_us_mutations
from resources.lake.lake import Lake
from resources.providers.http import HttpClient, HttpPolicy
from spot.errors import ContractError, NotYetPublishedError, SpotdeskError
from spot.market.delivery import day_ahead_mtu_minutes, day_bounds_utc, days_between, n_periods
from spot.market.zones import ZONES, find_zone
from spot.sources.judging.plausibility import assess_plausibility
from spot.sources.parsed import Capture
from spot.sources.providers.entsoe import parse_entsoe
from spot.sources.safe_input import read_json, read_xml, read_zip
from tests.support.provider_documents import (
    Document,
    DocumentSeries,
)
from tests.support.provider_server import (
    Behaviour,
    cuts_body,
    drips,
    faulty_provider,
    resets,
    sends,
    sends_bomb,
    sends_html,
    stays_silent,
)
from tests.support.recorded_bodies import BODIES, EXPECTED, RecordedBody
from tests.support.recorded_history import bad_prices, clean_history
from tests.support.us_bodies import us_bodies

ROOT = Path(__file__).resolve().parents[2]

NOW = datetime(2026, 11, 1, tzinfo=UTC)
CANARY = "canary-2f9d71-token"
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


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the table."""

    name: str
    value: float
    unit: str
    target: str
    is_met: bool
    note: str = ""


def at_least(name: str, value: float, target: float, unit: str, note: str = "") -> Figure:
    return Figure(name, round(value, 4), unit, f">= {target:g}", value >= target, note)


def at_most(name: str, value: float, target: float, unit: str, note: str = "") -> Figure:
    return Figure(name, round(value, 4), unit, f"<= {target:g}", value <= target, note)


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


def hostile_documents() -> Iterator[Figure]:
    laughs = (
        b'<!DOCTYPE z [<!ENTITY a "ha">'
        + b"".join(f'<!ENTITY {chr(98 + at)} "{f"&{chr(97 + at)};" * 10}">'.encode() for at in range(9))
        + b"]><z>&j;</z>"
    )
    cases: dict[str, Callable[[], object]] = {
        "billion laughs": lambda: read_xml(laughs, "hostile"),
        "external entity": lambda: read_xml(
            b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/hostname">]><a>&x;</a>', "hostile"
        ),
        "parameter entity": lambda: read_xml(b'<!DOCTYPE a SYSTEM "http://127.0.0.1/x.dtd"><a/>', "hostile"),
        "XML nested 200,000 deep": lambda: read_xml(b"<a>" * 200_000 + b"</a>" * 200_000, "hostile"),
        "JSON nested 200,000 deep": lambda: read_json(b"[" * 200_000 + b"]" * 200_000, "hostile"),
        "HTML for XML": lambda: read_xml(b"<!doctype html><html><body>maintenance</body></html>", "hostile"),
        "ZIP for XML": lambda: read_xml(_zip(b"<a/>"), "hostile"),
        "XML for ZIP": lambda: read_zip(b"<a/>", "hostile"),
    }
    slowest = 0.0
    n_refused = 0
    for case in cases.values():
        started = time.process_time()
        try:
            case()
        except ContractError:
            n_refused += 1
        slowest = max(slowest, time.process_time() - started)
    yield at_least("hostile documents refused", n_refused, len(cases), "", ", ".join(cases))
    yield at_most("slowest of them", slowest, 1.0, "s")


def _zip(content: bytes) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.xml", content)
    return packed.getvalue()


def packed_zeros(n_gigabytes: int) -> bytes:
    """Gigabytes of zeros, compressed: one block that ends in a full flush, so that it may be repeated."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    block = packer.compress(bytes(16 << 20)) + packer.flush(zlib.Z_FULL_FLUSH)
    return block * (n_gigabytes * 64) + zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS).flush()


def zip_bomb(n_gigabytes: int, declared: int) -> bytes:
    """A ZIP of one member that unpacks to gigabytes of zeros and declares `declared` bytes."""
    data = packed_zeros(n_gigabytes)
    sizes = struct.pack("<III", 0, len(data), declared)
    local = (
        b"PK\x03\x04"
        + struct.pack("<HHHHH", 20, 0, 8, 0, 0)
        + sizes
        + struct.pack("<HH", 5, 0)
        + b"a.xml"
        + data
    )
    directory = (
        b"PK\x01\x02"
        + struct.pack("<HHHHHH", 20, 20, 0, 8, 0, 0)
        + sizes
        + struct.pack("<HHHHHII", 5, 0, 0, 0, 0, 0, 0)
        + b"a.xml"
    )
    return (
        local + directory + b"PK\x05\x06" + struct.pack("<HHHHIIH", 0, 0, 1, 1, len(directory), len(local), 0)
    )


_BOMB_READER = """
import json, sys, time
from pathlib import Path
from spot.errors import ContractError
from spot.sources.safe_input import read_zip
body = Path(sys.argv[1]).read_bytes()
started = time.process_time()
is_refused = False
try:
    read_zip(body, "bomb")
except ContractError:
    is_refused = True
seconds = time.process_time() - started
lines = Path("/proc/self/status").read_text().splitlines()
peak = next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))
print(json.dumps({"is_refused": is_refused, "seconds": seconds, "megabytes": peak / 1024}))
"""


def bombs() -> Iterator[Figure]:
    """Each bomb is read by a process of its own, whose peak of memory is measured whole.

    Interpreter, archive and all.
    """
    for name, declared in (
        ("that tells its size", 0xFFFFFFF0),
        ("that says it is small", 1000),
        ("that says 60 MB", 60 << 20),
    ):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "bomb.zip"
            path.write_bytes(zip_bomb(10, declared))
            done = subprocess.run(
                [sys.executable, "-c", _BOMB_READER, str(path)],
                capture_output=True,
                text=True,
                check=True,
                cwd=ROOT,
            )
        measured = json.loads(done.stdout.splitlines()[-1])
        yield at_most(
            f"10 GB ZIP bomb {name}: refused in",
            measured["seconds"] if measured["is_refused"] else 1e9,
            1.0,
            "s",
        )
        yield at_most(
            f"10 GB ZIP bomb {name}: memory of the whole process", measured["megabytes"], 100.0, "MB"
        )


def client_faults() -> Iterator[Figure]:
    """Every fault of a provider, with a canary token: the right error, and the token nowhere."""
    body = b"<a>" + b"x" * 5000 + b"</a>"
    faults: dict[str, Behaviour] = {
        "429": sends(b"", 429, Retry_After="1"),
        "429 with a ban": sends(b"", 429, Retry_After="600"),
        "503": sends(b"", 503),
        "500": sends(CANARY.encode(), 500),
        "404": sends(b"", 404),
        "401": sends(b"", 401),
        "timeout": stays_silent(2.5),
        "slow body": drips(60, 0.1),
        "reset": resets,
        "body cut": cuts_body(body, 700),
        "HTML with 200": sends_html(),
        "redirect": sends(b"", 302, Location="http://127.0.0.1:9/"),
        "gzip bomb": sends_bomb(10),
    }
    policy = HttpPolicy(
        requests_per_minute=60_000,
        attempts=2,
        connect_seconds=1,
        read_seconds=1.0,
        total_seconds=1.5,
        longest_wait_seconds=30,
    )
    log = io.StringIO()
    handler = logging.StreamHandler(log)
    logging.getLogger().addHandler(handler)
    logging.getLogger().setLevel(logging.DEBUG)
    n_right, leaks = 0, []
    with tempfile.TemporaryDirectory() as folder:
        for name, fault in faults.items():
            with faulty_provider() as provider:
                provider.plan = [fault]
                client = HttpClient(
                    Path(folder) / name.replace(" ", "_"),
                    replace(policy, maximum_bytes=8 << 20),
                    sleep=lambda _: None,
                )
                try:
                    client.get(provider.url, {"zone": "BE"}, {"securityToken": CANARY})
                except SpotdeskError as error:
                    n_right += isinstance(error, NotYetPublishedError) == (name == "404")
                    said = f"{error!r}" + "".join(traceback.format_exception(error))
                    files = "".join(path.read_text() for path in Path(folder).rglob("*") if path.is_file())
                    leaks += [name] if CANARY in said + log.getvalue() + files else []
    logging.getLogger().removeHandler(handler)
    logging.getLogger().setLevel(logging.WARNING)
    yield at_least(
        "faults of a provider that end in the right error", n_right, len(faults), "", ", ".join(faults)
    )
    yield at_most(
        "faults after which the token is found in an error, log or file", len(leaks), 0, "", ", ".join(leaks)
    )


def year_document(zone: str, first_day: date, last_day: date) -> bytes:
    """Day-ahead prices of a range as one ENTSO-E document, in the market time unit of each day."""
    document = Document("A44", "A01", find_zone(zone).eic)
    for day in days_between(first_day, last_day):
        start, end = day_bounds_utc(zone, day)
        minutes = day_ahead_mtu_minutes(zone, day)
        values = [
            round(60 + 30 * ((at * 7919 + day.toordinal()) % 97) / 97 - at % 24, 2)
            for at in range(n_periods(zone, day, minutes))
        ]
        document.series.append(DocumentSeries(start, minutes, values, end=end))
    return document.render()


def throughput(*, n_zones: int) -> Iterator[Figure]:
    body = year_document("DE_LU", date(2025, 10, 1), date(2026, 9, 30))
    capture = Capture(zone="DE_LU", captured_at_utc=NOW, is_backfill=True)
    seconds = []
    clock: list[float] = []
    for _ in range(3):
        started, clock_started = time.process_time(), time.perf_counter()
        parsed = parse_entsoe(body, capture)
        seconds.append(time.process_time() - started)
        clock.append(time.perf_counter() - clock_started)
    note = f"{parsed.n_rows:,} rows, {len(body) / 1e6:.1f} MB, {min(clock):.2f} s by the clock {_load()}"
    yield at_most(
        "a year of 15-minute prices of one zone parsed, processor time", min(seconds), 1.0, "s", note
    )
    zones = [zone.name for zone in ZONES.values() if zone.is_coupled][:n_zones]
    years = [(date(year, 10, 1), date(year + 1, 9, 30)) for year in range(2016, 2026)]
    spent, clock_spent, n_rows = 0.0, 0.0, 0
    with tempfile.TemporaryDirectory() as folder:
        lake = Lake(uri=f"{folder}/lake")
        for zone in zones:
            documents = [year_document(zone, *year) for year in years]
            started, clock_started = time.process_time(), time.perf_counter()
            for document in documents:
                rows = parse_entsoe(
                    document, Capture(zone=zone, captured_at_utc=NOW, is_backfill=True)
                ).tables["day_ahead_prices"]
                n_rows += lake.append("day_ahead_prices", rows, source="entsoe").n_new
            spent += time.process_time() - started
            clock_spent += time.perf_counter() - clock_started
    note = f"{n_rows:,} rows in {len(zones) * 10} commits, {clock_spent:.0f} s by the clock {_load()}"
    yield at_most(f"ten years of {len(zones)} zones in the ledger, processor time", spent, 60.0, "s", note)


def _load() -> str:
    """How busy the machine was.

    Processor time is the figure, since the clock also counts the waiting of a shared machine.
    """
    return f"(load {os.getloadavg()[0]:.0f} on {os.cpu_count()} cores)"


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
