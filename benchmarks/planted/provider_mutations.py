"""Seeded mutations of clean documents: what share is caught before a wrong value enters the ledger.

A clean document is one delivery day of one recorded series, with the recorded four weeks before it as
history. It is rendered, broken in one way, read by the parser and judged by the plausibility rules. Caught
means: no accepted row differs from the truth, and no day is accepted in part.
"""

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl

from spot.errors import ContractError
from spot.market.delivery import day_bounds_utc
from spot.market.zones import find_zone
from spot.sources.judging.plausibility import assess_plausibility
from spot.sources.parsed import Capture, value_column
from spot.sources.providers.entsoe import parse_entsoe
from tests.support.provider_documents import Document, DocumentSeries
from tests.support.recorded_history import rows_of

MUST_ALL_BE_CAUGHT = ("unit", "currency", "thousandfold", "duplicate", "non_finite")
_ZONES = ("AT", "BE", "DE_LU", "FR", "HU", "NL", "DK_1", "PT")
_TABLES = {"A44": "day_ahead_prices", "A65": "load_forecasts", "A69": "renewable_forecasts"}
_COLUMNS = {
    "day_ahead": "price_eur_mwh",
    "load": "load_fc_mw",
    "solar": "solar_fc_mw",
    "wind_onshore": "wind_onshore_fc_mw",
}
_SERIES = {"A44": ("day_ahead",), "A65": ("load",), "A69": ("solar", "wind_onshore")}


@dataclass(slots=True)
class Case:
    """A clean document, and the data needed to judge it."""

    zone: str
    day: date
    document: Document
    history: pl.DataFrame
    truth: dict[tuple[str, datetime], float]

    @property
    def table(self) -> str:
        """The table that its rows belong to."""
        return _TABLES[self.document.kind]


Mutation = Callable[[Case, random.Random], None]


class Recorded:
    """Recorded hourly series of several zones, and clean documents cut from them."""

    def __init__(self, folder: Path) -> None:
        frame = pl.read_parquet(folder / "eu13_da_hourly_2022_2024.parquet")
        self._rows: dict[tuple[str, str], pl.DataFrame] = {}
        for zone in _ZONES:
            for kind, names in _SERIES.items():
                parts = [
                    rows_of(
                        frame.filter(pl.col("zone") == zone),
                        _COLUMNS[name],
                        zone=zone,
                        table=_TABLES[kind],
                        series=name,
                        minutes=60,
                    )
                    for name in names
                ]
                self._rows[zone, kind] = pl.concat(parts)

    def clean_case(self, rng: random.Random) -> Case:
        """A random day whose clean document is read and accepted in full."""
        while True:
            zone, kind = rng.choice(_ZONES), rng.choice(tuple(_SERIES))
            day = date(2022, 3, 1) + timedelta(days=rng.randrange(1000))
            rows = self._rows[zone, kind]
            today = rows.filter(pl.col("delivery_day") == day)
            history = rows.filter(
                pl.col("delivery_day").is_between(day - timedelta(days=28), day - timedelta(days=1))
            )
            case = _case(zone, kind, day, today, history)
            if (
                today.height
                and history["delivery_day"].n_unique() >= 20
                and not judge(case, case.document.render())[0]
            ):
                return case


def _case(zone: str, kind: str, day: date, today: pl.DataFrame, history: pl.DataFrame) -> Case:
    start, end = day_bounds_utc(zone, day)
    column = value_column(_TABLES[kind])
    document = Document(kind, "A01", find_zone(zone).eic)
    for name in _SERIES[kind]:
        part = today.filter(pl.col("series") == name).sort("delivery_start_utc")
        document.series.append(
            DocumentSeries(start, 60, [round(value, 2) for value in part[column]], name, end=end)
        )
    rows = today.select("series", "delivery_start_utc", pl.col(column).round(2)).rows()
    return Case(zone, day, document, history, {(series, instant): value for series, instant, value in rows})


def judge(case: Case, body: bytes) -> tuple[str, bool]:
    """Why the document is refused, and whether a wrong or partial day got through.

    The reason is empty where all of it is accepted.
    """
    start, end = day_bounds_utc(case.zone, case.day)
    try:
        parsed = parse_entsoe(
            body,
            Capture(
                zone=case.zone,
                captured_at_utc=datetime(2026, 11, 1, tzinfo=UTC),
                first_utc=start,
                end_utc=end,
            ),
        )
    except ContractError as error:
        return str(error), False
    rows = parsed.tables.get(case.table)
    if rows is None:
        return "no row accepted", False
    verdict = assess_plausibility(case.table, rows, case.history)
    column = value_column(case.table)
    accepted = {
        (series, instant): value
        for series, instant, value in verdict.accepted.select(
            "series", "delivery_start_utc", column
        ).iter_rows()
    }
    is_wrong = any(abs(value - case.truth.get(key, float("inf"))) > 1e-6 for key, value in accepted.items())
    counts = Counter(series for series, _ in accepted)
    is_partial = (
        any(0 < counts[series] < sum(1 for name, _ in case.truth if name == series) for series in counts)
        and not verdict.quarantined.height
    )
    reasons = [*parsed.rejected["reason"].to_list(), *verdict.quarantined["reason"].to_list()]
    return "; ".join(sorted(set(reasons))), is_wrong or is_partial


def _pick(case: Case, rng: random.Random) -> DocumentSeries:
    return rng.choice(case.document.series)


def _unit(case: Case, rng: random.Random) -> None:
    case.document.unit = rng.choice(("KWH", "KWT", "MWT", "GWH", "C62"))


def _currency(case: Case, rng: random.Random) -> None:
    if case.document.kind == "A44":
        case.document.currency = rng.choice(("GBP", "PLN", "CHF", "USD"))
    else:
        case.document.unit = "GBP"  # documents without a currency: a currency where the unit belongs


def _thousandfold(case: Case, _rng: random.Random) -> None:
    for part in case.document.series:
        part.values = [round(float(value) * 1000.0, 2) for value in part.values]


def _thousandth(case: Case, _rng: random.Random) -> None:
    for part in case.document.series:
        part.values = [round(float(value) / 1000.0, 5) for value in part.values]


def _treble(case: Case, rng: random.Random) -> None:
    """Three times the load, or a third: a factor that only the level of a load shows."""
    if case.document.kind != "A65":
        _thousandth(case, rng)
        return
    factor = rng.choice((3.0, 1.0 / 3.0))
    for part in case.document.series:
        part.values = [round(float(value) * factor, 2) for value in part.values]


def _duplicate(case: Case, rng: random.Random) -> None:
    part = _pick(case, rng)
    if rng.random() < 0.5:
        # The same values twice would be one value each. A second value for a period is a fault.
        other = [round(float(value) + 1.0, 2) for value in part.values]
        case.document.series.append(replace(part, values=other))
        return
    at = rng.randrange(len(part.values))
    part.positions = sorted([*range(1, len(part.values) + 1), at + 1])
    part.values = [*part.values[: at + 1], part.values[at], *part.values[at + 1 :]]


def _non_finite(case: Case, rng: random.Random) -> None:
    _set(_pick(case, rng), rng, rng.choice(("NaN", "Infinity", "-INF", "nan", "1e999", "")))


def _decimal_comma(case: Case, rng: random.Random) -> None:
    part = _pick(case, rng)
    part.values = [f"{float(value):.2f}".replace(".", ",") for value in part.values]


def _sign(case: Case, rng: random.Random) -> None:
    part = _pick(case, rng)
    part.values = [-float(value) for value in part.values]


def _outlier(case: Case, rng: random.Random) -> None:
    _set(_pick(case, rng), rng, rng.choice((9999, -9999)))


def _swapped(case: Case, rng: random.Random) -> None:
    """Columns swapped: solar and wind.

    For documents of one series, load where a price belongs and the other way round.
    """
    if len(case.document.series) > 1:
        first, second = case.document.series
        first.values, second.values = second.values, first.values
        return
    part = case.document.series[0]
    part.values = [
        round(rng.uniform(3_000, 60_000) if case.document.kind == "A44" else rng.uniform(20, 150), 2)
        for _ in part.values
    ]


def _missing_hours(case: Case, rng: random.Random) -> None:
    part = _pick(case, rng)
    drop = set(rng.sample(range(len(part.values)), rng.randint(1, 5)))
    part.positions = [at + 1 for at in range(len(part.values)) if at not in drop]
    part.values = [value for at, value in enumerate(part.values) if at not in drop]


def _short_day(case: Case, rng: random.Random) -> None:
    """A period that ends early and is consistent in itself."""
    part = _pick(case, rng)
    n_kept = rng.randint(8, len(part.values) - 1)
    part.values, part.end = part.values[:n_kept], part.start + timedelta(hours=n_kept)


def _frozen(case: Case, rng: random.Random) -> None:
    part = _pick(case, rng)
    n_last = rng.randint(8, len(part.values))
    part.values = [
        *part.values[: len(part.values) - n_last],
        *[part.values[len(part.values) - n_last]] * n_last,
    ]


def _zeros(case: Case, rng: random.Random) -> None:
    part = _pick(case, rng)
    n_last = rng.randint(8, len(part.values))
    part.values = [*part.values[: len(part.values) - n_last], *[0] * n_last]


def _shifted(case: Case, rng: random.Random) -> None:
    part = _pick(case, rng)
    by = timedelta(hours=rng.choice((-2, -1, 1, 2)))
    part.end = (part.end or part.start) + by
    part.start += by


def _wrong_zone(case: Case, rng: random.Random) -> None:
    case.document.eic = find_zone(rng.choice([zone for zone in _ZONES if zone != case.zone])).eic


def _wrong_day(case: Case, rng: random.Random) -> None:
    by = timedelta(days=rng.choice((-7, -1, 1)))
    for part in case.document.series:
        part.end = (part.end or part.start) + by
        part.start += by


def _wrong_sequence(case: Case, rng: random.Random) -> None:
    """Another auction: sequence 2 for prices; another document type for the rest."""
    part = case.document.series[0]
    if case.document.kind == "A44":
        part.sequence = rng.choice(("2", "3"))
    else:
        case.document.process = "A31"


def _set(part: DocumentSeries, rng: random.Random, value: float | str) -> None:
    values = list(part.values)
    values[rng.randrange(len(values))] = value
    part.values = values


MUTATIONS: dict[str, Mutation] = {
    "unit": _unit,
    "currency": _currency,
    "thousandfold": _thousandfold,
    "thousandth": _thousandth,
    "treble": _treble,
    "duplicate": _duplicate,
    "non_finite": _non_finite,
    "decimal_comma": _decimal_comma,
    "sign": _sign,
    "outlier": _outlier,
    "swapped": _swapped,
    "missing_hours": _missing_hours,
    "short_day": _short_day,
    "frozen": _frozen,
    "zeros": _zeros,
    "shifted": _shifted,
    "wrong_zone": _wrong_zone,
    "wrong_day": _wrong_day,
    "wrong_sequence": _wrong_sequence,
}


@dataclass(frozen=True, slots=True)
class Escape:
    """A mutation that got through."""

    kind: str
    zone: str
    table: str
    day: date


def run_mutations(folder: Path, n_mutations: int, seed: int) -> tuple[Counter[str], list[Escape]]:
    """Number of mutations by kind, and those that got through.

    A mutation that leaves the values as they were does not count.
    """
    rng = random.Random(seed)  # noqa: S311 - a benchmark that can be repeated
    recorded = Recorded(folder)
    tried: Counter[str] = Counter()
    escapes: list[Escape] = []
    kinds = list(MUTATIONS)
    while tried.total() < n_mutations:
        case = recorded.clean_case(rng)
        clean = case.document.render()
        kind = kinds[tried.total() % len(kinds)]
        MUTATIONS[kind](case, rng)
        body = case.document.render()
        if _same_meaning(body, clean):
            continue
        tried[kind] += 1
        if judge(case, body)[1] or judge(case, body)[0] == "":
            escapes.append(Escape(kind, case.zone, case.table, case.day))
    return tried, escapes


def _same_meaning(body: bytes, clean: bytes) -> bool:
    return body.replace(b">-0.0<", b">0.0<").replace(b">0<", b">0.0<") == clean.replace(b">0<", b">0.0<")
