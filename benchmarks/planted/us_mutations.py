"""Seeded mutations of clean PJM and ERCOT documents: what share is caught before it enters the ledger.

A clean document is one local day of recorded PJM prices or load forecasts (the open-access benchmark, 2013 to
2018), rendered as the operator would write it, with the recorded four weeks before it as history. Caught
means the same as in `provider_mutations`.
"""

import random
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from spot.errors import ContractError
from spot.market.delivery import day_bounds_utc, delivery_starts_utc, n_periods
from spot.market.gates import gate_closure_utc
from spot.market.zones import find_zone
from spot.sources.judging.plausibility import assess_plausibility
from spot.sources.parsed import Capture, ParsedDocument, assemble, value_column
from spot.sources.points import Points
from spot.sources.providers.ercot import parse_ercot
from spot.sources.providers.pjm import parse_pjm
from tests.support import us_documents as us

MUST_ALL_BE_CAUGHT = ("thousandfold", "duplicate", "non_finite")
_ZONES = ("PJM_WESTERN_HUB", "ERCOT_NORTH_HUB")
_TABLES = {"price": "local_currency_prices", "load": "load_forecasts"}
_SERIES = {"price": "day_ahead", "load": "load"}


@dataclass(slots=True)
class Case:
    """One clean local day, as values and as the rows of a document; mutations change either."""

    zone: str
    kind: str
    day: date
    values: list[Any]
    history: pl.DataFrame
    rows: us.Rows = field(default_factory=list)
    n_total: int | None = None

    @property
    def is_pjm(self) -> bool:
        """Whether the document is PJM's."""
        return find_zone(self.zone).operator == "PJM"

    def write(self) -> None:
        """The rows of the document from the values."""
        made = gate_closure_utc(self.zone, self.day) - timedelta(hours=2)
        if self.kind == "price":
            self.rows = (us.pjm_price_rows if self.is_pjm else us.ercot_price_rows)(
                self.zone, self.day, self.values
            )
        elif self.is_pjm:
            self.rows = us.pjm_load_rows(self.zone, self.day, self.values, made)
        else:
            self.rows = us.ercot_load_rows(self.zone, self.day, self.values, made)

    def body(self) -> bytes:
        """The document."""
        return us.pjm_body(self.rows, self.n_total) if self.is_pjm else us.ercot_body(self.rows, self.n_total)

    def parse(self, body: bytes) -> ParsedDocument:
        """Rows as the live path reads them: for the span of the day, weeks later."""
        first, end = day_bounds_utc(self.zone, self.day)
        capture = Capture(
            zone=self.zone,
            captured_at_utc=datetime(2026, 11, 1, tzinfo=UTC),
            first_utc=first,
            end_utc=end,
            is_backfill=True,
        )
        if self.is_pjm:
            return parse_pjm(body, "da_hrl_lmps" if self.kind == "price" else "load_frcstd_7_day", capture)
        return parse_ercot(
            body, "dam_stlmnt_pnt_prices" if self.kind == "price" else "lf_by_model_weather_zone", capture
        )


Mutation = Callable[[Case, random.Random], None]


class Recorded:
    """Recorded days of 24 local hours, for any hub."""

    def __init__(self, folder: Path) -> None:
        frame = pl.read_parquet(folder / "epf_pjm.parquet").sort("ts_local")
        load = next(name for name in frame.columns if "load" in name.lower())
        by_day = (
            frame.with_columns(day=pl.col("ts_local").dt.date())
            .group_by("day", maintain_order=True)
            .agg("price", pl.col(load).alias("load"))
        )
        self._days = {row["day"]: row for row in by_day.iter_rows(named=True) if len(row["price"]) == 24}

    def clean_case(self, rng: random.Random) -> Case:
        """A random day whose clean document is read and accepted in full."""
        while True:
            zone, kind = rng.choice(_ZONES), rng.choice(tuple(_TABLES))
            day = rng.choice(tuple(self._days)[60:])
            past = [
                before for at in range(28, 0, -1) if self._is_whole(zone, before := day - timedelta(days=at))
            ]
            if len(past) < 20 or not self._is_whole(zone, day):
                continue
            case = Case(
                zone,
                kind,
                day,
                [round(float(value), 2) for value in self._days[day][kind]],
                self._rows(zone, kind, past),
            )
            case.write()
            if not judge(case, case.body(), case.values)[0]:
                return case

    def _is_whole(self, zone: str, day: date) -> bool:
        return day in self._days and n_periods(zone, day) == 24

    def _rows(self, zone: str, kind: str, days: list[date]) -> pl.DataFrame:
        starts = np.array(
            [
                int(start.timestamp()) * 1_000_000
                for day in days
                for start in delivery_starts_utc(zone, day, 60)
            ],
            dtype=np.int64,
        )
        extra: Mapping[str, Sequence[object]] | None = (
            {"currency": ["USD"] * len(starts), "volume_mwh": [None] * len(starts)}
            if kind == "price"
            else None
        )
        values = np.array([value for day in days for value in self._days[day][kind]], dtype=np.float64)
        points = Points(
            table=_TABLES[kind],
            series=_SERIES[kind],
            starts_us=starts,
            resolution_minutes=60,
            values=values,
            extra=extra,
        )
        capture = Capture(zone=zone, captured_at_utc=datetime(2026, 11, 1, tzinfo=UTC), is_backfill=True)
        return assemble("built", "history", capture, [points]).tables[_TABLES[kind]]


def judge(case: Case, body: bytes, truth: list[Any]) -> tuple[str, bool]:
    """Why the document is refused, and whether a wrong or partial day got through.

    The reason is empty where all of it is accepted.
    """
    table = _TABLES[case.kind]
    try:
        parsed = case.parse(body)
    except ContractError as error:
        return str(error), False
    rows = parsed.tables.get(table)
    if rows is None:
        return "no row accepted", False
    verdict = assess_plausibility(table, rows, case.history.select(rows.columns))
    expected = dict(zip(delivery_starts_utc(case.zone, case.day, 60), truth, strict=True))
    accepted = dict(verdict.accepted.select("delivery_start_utc", value_column(table)).iter_rows())
    is_wrong = any(abs(value - expected.get(start, float("inf"))) > 0.02 for start, value in accepted.items())
    is_partial = 0 < len(accepted) < len(expected) and not verdict.quarantined.height
    reasons = [*parsed.rejected["reason"].to_list(), *verdict.quarantined["reason"].to_list()]
    return "; ".join(sorted(set(reasons))), is_wrong or is_partial


def _of_values(change: Callable[[list[Any], random.Random], list[Any]]) -> Mutation:
    """A mutation of the values. Everything that the document derives from them follows."""

    def mutate(case: Case, rng: random.Random) -> None:
        case.values = change(list(case.values), rng)
        case.write()

    return mutate


def _at_end(values: list[Any], rng: random.Random, fill: Callable[[float], float]) -> list[Any]:
    n_last = rng.randint(8, len(values))
    return [*values[: len(values) - n_last], *[fill(values[len(values) - n_last])] * n_last]


def _value_name(case: Case) -> str:
    if case.kind == "price":
        return "total_lmp_da" if case.is_pjm else "settlementPointPrice"
    return "forecast_load_mw" if case.is_pjm else "systemTotal"


def _used(case: Case) -> us.Rows:
    """The rows that count: of a posting of ERCOT those in use."""
    return [row for row in case.rows if row.get("inUseFlag", True)]


def _set_one(*values: Any) -> Mutation:
    def mutate(case: Case, rng: random.Random) -> None:
        rng.choice(_used(case))[_value_name(case)] = rng.choice(values)

    return mutate


def _comma(case: Case, _rng: random.Random) -> None:
    for row in case.rows:
        row[_value_name(case)] = f"{row[_value_name(case)]:.2f}".replace(".", ",")


def _duplicate(case: Case, rng: random.Random) -> None:
    """A second value for a period. The same value twice would be one value."""
    row = dict(rng.choice(_used(case)))
    number = next(name for name, value in reversed(row.items()) if isinstance(value, float))
    case.rows.append({**row, number: row[number] + 1.0})


def _missing(case: Case, rng: random.Random) -> None:
    for row in rng.sample(_used(case), rng.randint(1, 5)):
        case.rows.remove(row)


def _in_pages(case: Case, rng: random.Random) -> None:
    case.n_total = len(case.rows)
    case.rows = case.rows[: rng.randint(4, len(case.rows) - 1)]


def _moved(case: Case, by: timedelta) -> None:
    """The same values on other instants, consistent in themselves."""
    made, day = gate_closure_utc(case.zone, case.day) - timedelta(hours=2), case.day
    starts = [start + by for start in delivery_starts_utc(case.zone, day, 60)]
    for row, start in zip(_used(case), starts, strict=True):
        wall = us.local(start, case.zone)
        if case.is_pjm:
            name = "datetime_beginning" if case.kind == "price" else "forecast_datetime_beginning"
            row.update(us.two_clocks(name, start, case.zone))
        else:
            row.update({"deliveryDate": str(wall.date()), "hourEnding": f"{wall.hour + 1:02d}:00"})
    if case.kind == "load" and case.is_pjm:
        for row in case.rows:
            row.update(us.two_clocks("evaluated_at_datetime", made - timedelta(days=2), case.zone))


def _winter_time(case: Case, rng: random.Random) -> None:
    """A clock without the change to summer time: Eastern standard time instead of prevailing time.

    For ERCOT it is a repeated hour on a day without one.
    """
    if not case.is_pjm:
        rng.choice(_used(case))["DSTFlag"] = True
        return
    name = "datetime_beginning" if case.kind == "price" else "forecast_datetime_beginning"
    for row in case.rows:
        row[f"{name}_ept"] = row[f"{name}_utc"]


def _wrong_hub(case: Case, rng: random.Random) -> None:
    if case.kind == "load":
        for row in case.rows:
            row.update(
                {"forecast_area": rng.choice(("COMED", "AEP"))} if case.is_pjm else {"inUseFlag": False}
            )
        return
    for row in case.rows:
        row.update(
            {"pnode_id": 51217} if case.is_pjm else {"settlementPoint": rng.choice(("HB_WEST", "LZ_NORTH"))}
        )


def _swapped(case: Case, _rng: random.Random) -> None:
    """Another quantity where the value belongs.

    Congestion or energy for the price, a weather zone for the total.
    """
    names = {
        ("price", True): "congestion_price_da",
        ("price", False): "",
        ("load", True): "",
        ("load", False): "coast",
    }
    other = names[case.kind, case.is_pjm]
    for row in case.rows:
        value = (
            row[other]
            if other
            else (row[_value_name(case)] * 600.0 if case.kind == "price" else row[_value_name(case)] / 1600.0)
        )
        row[_value_name(case)] = value


MUTATIONS: dict[str, Mutation] = {
    "thousandfold": _of_values(lambda values, _: [round(value * 1000.0, 2) for value in values]),
    "duplicate": _duplicate,
    "non_finite": _set_one(float("nan"), float("inf"), float("-inf"), None, "NaN", ""),
    "decimal_comma": _comma,
    "sign": _of_values(lambda values, _: [-value for value in values]),
    "outlier": _set_one(9999.0, -9999.0),
    "swapped": _swapped,
    "missing_hours": _missing,
    "in_pages": _in_pages,
    "frozen": _of_values(lambda values, rng: _at_end(values, rng, lambda value: value)),
    "zeros": _of_values(lambda values, rng: _at_end(values, rng, lambda _: 0.0)),
    "shifted": lambda case, rng: _moved(case, timedelta(hours=rng.choice((-2, -1, 1, 2)))),
    "wrong_day": lambda case, rng: _moved(case, timedelta(days=rng.choice((-7, -1, 1)))),
    "clock": _winter_time,
    "wrong_hub": _wrong_hub,
}


def run_us_mutations(
    folder: Path, n_mutations: int, seed: int
) -> tuple[Counter[str], list[tuple[str, Case]]]:
    """Number of mutations by kind, and those that got through.

    A mutation that leaves the document as it was does not count.
    """
    rng = random.Random(seed)  # noqa: S311 - a benchmark that can be repeated
    recorded, kinds = Recorded(folder), list(MUTATIONS)
    tried: Counter[str] = Counter()
    escapes: list[tuple[str, Case]] = []
    while tried.total() < n_mutations:
        case = recorded.clean_case(rng)
        clean, truth = case.body(), list(case.values)
        kind = kinds[tried.total() % len(kinds)]
        MUTATIONS[kind](case, rng)
        body = case.body()
        if body == clean:
            continue
        tried[kind] += 1
        reason, is_through = judge(case, body, truth)
        if is_through or not reason:
            escapes.append((kind, case))
    return tried, escapes
