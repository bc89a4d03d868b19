"""`spotdesk backfill` by days: done means that the data is there, and what is open is asked for again."""

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import polars as pl
import pytest
from typer.testing import CliRunner

from desk.main import app
from resources.home.make import make_home
from resources.lake.lake import Lake
from spot.market.delivery import day_bounds_utc, days_between, delivery_starts_utc
from spot.market.zones import find_zone
from tests.support.provider_documents import Document, DocumentSeries
from tests.support.provider_server import FaultyProvider, faulty_provider, sends
from workflows.market_data.holes import holes

FIRST, LAST = date(2024, 5, 1), date(2024, 5, 31)


def price(start: datetime, level: float = 60.0) -> float:
    return level + (start.hour * 7) % 11 + start.day


class Platform:
    """An ENTSO-E platform and an Energy-Charts, each with the days that a test lets it have."""

    def __init__(self, entsoe: FaultyProvider, charts: FaultyProvider) -> None:
        self.entsoe, self.charts = entsoe, charts
        self.days: set[date] = set(days_between(FIRST, LAST))
        self.fallback_days: set[date] = set()
        self.most_days = 400
        self.sequence: str | None = None
        self.wrong: dict[date, float] = {}
        entsoe.routes["/api"] = self._answer
        charts.routes["/price"] = self._answer_charts

    def _asked(self, server: FaultyProvider, first: str, end: str) -> tuple[datetime, datetime]:
        query = parse_qs(urlsplit(server.asked[-1]).query)
        form = "%Y%m%d%H%M"
        texts = query[first][0], query[end][0]
        if len(texts[0]) == 12:
            begin, stop = (datetime.strptime(text, form).replace(tzinfo=UTC) for text in texts)
            return begin, stop
        return datetime.fromisoformat(texts[0]), datetime.fromisoformat(texts[1])

    def _answer(self, handler: Any) -> None:
        first, end = self._asked(self.entsoe, "periodStart", "periodEnd")
        document = Document("A44", "A01", find_zone("NL").eic)
        for day in sorted(self.days):
            start, stop = day_bounds_utc("NL", day)
            if first <= start and stop <= end and len(document.series) < self.most_days:
                values = [self.wrong.get(day, price(start)) for start in delivery_starts_utc("NL", day)]
                document.series.append(DocumentSeries(start, 60, values, end=stop, sequence=self.sequence))
        sends(document.render() if document.series else _NOTHING)(handler)

    def _answer_charts(self, handler: Any) -> None:
        starts = [start for day in sorted(self.fallback_days) for start in delivery_starts_utc("NL", day)]
        body = {
            "unix_seconds": [int(start.timestamp()) for start in starts],
            "price": [price(start) for start in starts],
            "unit": "EUR/MWh",
            "deprecated": False,
        }
        sends(json.dumps(body).encode())(handler)


_NOTHING = (
    b'<?xml version="1.0"?><Acknowledgement_MarketDocument><Reason><code>999</code>'
    b"<text>No matching data found</text></Reason></Acknowledgement_MarketDocument>"
)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    make_home(tmp_path / "home")
    monkeypatch.setenv("SPOTDESK_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("SPOTDESK_ENTSOE_TOKEN", "canary")
    return tmp_path / "home"


@pytest.fixture
def platform(monkeypatch: pytest.MonkeyPatch) -> Iterator[Platform]:
    with faulty_provider() as entsoe, faulty_provider() as charts:
        urls = f"entsoe={entsoe.url}/api,energy_charts={charts.url}"
        monkeypatch.setenv("SPOTDESK_PROVIDER_URLS", urls)
        yield Platform(entsoe, charts)


def backfill(*more: str) -> tuple[int, list[dict[str, Any]]]:
    words = ["backfill", "--zone", "NL", "--from", f"{FIRST}", "--to", f"{LAST}", "--source", "entsoe"]
    done = CliRunner().invoke(app, [*words, "--table", "day_ahead_prices", *more, "--json"])
    return done.exit_code, json.loads(done.stdout)


def held(home: Path, source: str = "entsoe") -> list[date]:
    rows = Lake(uri=str(home / "lake")).read("day_ahead_prices", zones=["NL"])
    return rows.filter(pl.col("source") == source)["delivery_day"].unique().sort().to_list()


def test_a_month_of_the_second_sequence_only_stays_open_and_is_asked_for_again(
    home: Path, platform: Platform
) -> None:
    platform.sequence = "2"
    code, (row,) = backfill()
    assert (code, row["outcome"], row["new_rows"]) == (1, "open", 0)
    assert f"{FIRST} to {LAST}" in row["detail"]
    platform.sequence = None
    code, (row,) = backfill()
    assert (code, row["outcome"]) == (0, "loaded")
    assert held(home) == list(days_between(FIRST, LAST))
    n_asked = len(platform.entsoe.asked)
    assert backfill() == (0, [])
    assert len(platform.entsoe.asked) == n_asked


def test_a_gap_of_ten_days_is_open_by_name_and_filled_later(home: Path, platform: Platform) -> None:
    gap = set(days_between(date(2024, 5, 9), date(2024, 5, 18)))
    platform.days -= gap
    code, (row,) = backfill()
    assert (code, row["outcome"], row["new_rows"]) == (1, "open", 21 * 24)
    assert "2024-05-09 to 2024-05-18" in row["detail"]
    sources = ["entsoe"]
    lake = Lake(uri=str(home / "lake"))
    now = datetime(2024, 6, 10, tzinfo=UTC)
    assert holes(lake, "NL", "day_ahead_prices", sources, now) == tuple(sorted(gap))
    platform.days |= gap
    code, (row,) = backfill()
    assert (code, row["outcome"], row["new_rows"]) == (0, "loaded", 240)
    assert holes(lake, "NL", "day_ahead_prices", sources, now) == ()


def test_an_answer_cut_at_the_provider_s_maximum_is_asked_for_until_it_is_whole(
    home: Path, platform: Platform
) -> None:
    platform.most_days = 8
    code, rows = backfill()
    assert (code, [row["outcome"] for row in rows]) == (0, ["loaded"])
    assert held(home) == list(days_between(FIRST, LAST))
    assert len(platform.entsoe.asked) == 4


def test_refused_values_are_named_and_leave_their_day_open(home: Path, platform: Platform) -> None:
    platform.wrong = {date(2024, 5, 20): 7000.0}
    code, (row,) = backfill()
    assert (code, row["outcome"]) == (1, "open")
    assert "2024-05-20" in row["detail"]
    assert "24 rows: " in row["detail"]
    assert date(2024, 5, 20) not in held(home)


def test_a_fallback_fills_the_days_that_the_first_source_lacks_and_no_others(
    home: Path, platform: Platform
) -> None:
    gap = set(days_between(date(2024, 5, 9), date(2024, 5, 18)))
    platform.days -= gap
    platform.fallback_days = set(days_between(FIRST, LAST))
    code, (row,) = backfill("--source", "energy_charts")
    assert (code, row["outcome"], row["is_fallback"]) == (0, "loaded", True)
    assert held(home, "energy_charts") == sorted(gap)
    assert not gap & set(held(home))
    platform.days |= gap  # the first source has them after all: a new vintage
    code, (row,) = backfill("--source", "energy_charts", "--again")
    assert code == 0
    assert held(home) == list(days_between(FIRST, LAST))
    rows = Lake(uri=str(home / "lake")).read("day_ahead_prices", zones=["NL"])
    newest = rows.filter(pl.col("delivery_day") == date(2024, 5, 9)).sort("available_at_utc")
    assert newest["source"].to_list()[-1] in ("entsoe", "energy_charts")


def test_a_platform_that_is_down_is_said_and_filled_later(home: Path, platform: Platform) -> None:
    platform.entsoe.routes.clear()
    platform.entsoe.plan = [sends(b"", 503)] * 10
    platform.fallback_days = set(days_between(FIRST, LAST - timedelta(days=2)))
    code, (row,) = backfill("--source", "energy_charts")
    assert (code, row["outcome"], row["source"]) == (1, "open", "energy_charts")
    assert "entsoe" in row["detail"]
    platform.entsoe.plan = []
    platform.entsoe.routes["/api"] = platform._answer
    code, (row,) = backfill("--source", "energy_charts")
    assert (code, row["outcome"], row["source"]) == (0, "loaded", "entsoe")
    assert held(home) == [LAST - timedelta(days=1), LAST]
