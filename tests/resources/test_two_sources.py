"""Two sources of one zone: where they disagree, both values are told."""

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from resources.lake.lake import Lake
from resources.market.live_market import Fetched, LiveMarket
from resources.providers.energy_charts import EnergyCharts
from resources.providers.entsoe import Entsoe
from resources.providers.http import HttpClient, HttpPolicy
from resources.providers.provider import Provider
from spot.market.delivery import day_bounds_utc, delivery_starts_utc
from spot.market.zones import find_zone
from tests.support.provider_documents import Document, DocumentSeries
from tests.support.provider_server import FaultyProvider, faulty_provider, sends

SPRING, AUTUMN, PLAIN = date(2024, 3, 31), date(2024, 10, 27), date(2024, 6, 4)
NOW = datetime(2025, 1, 10, tzinfo=UTC)
QUICK = HttpPolicy(requests_per_minute=60_000.0, attempts=1, read_seconds=2.0)
Servers = tuple[FaultyProvider, FaultyProvider]


@pytest.fixture
def servers() -> Iterator[Servers]:
    with faulty_provider() as entsoe, faulty_provider() as charts:
        yield entsoe, charts


def values(day: date, *, late_from: int | None = None) -> list[float]:
    """Prices of the day's hours; from an hour on, each is that of the hour before."""
    n_hours = len(delivery_starts_utc("AT", day))
    right = [40.0 + (at * 13) % 17 for at in range(n_hours)]
    return right if late_from is None else [*right[:late_from], *right[late_from - 1 : -1]]


def fetch(folder: Path, servers: Servers, day: date, given: list[float], *sources: str) -> Fetched:
    start, end = day_bounds_utc("AT", day)
    document = Document("A44", "A01", find_zone("AT").eic, [DocumentSeries(start, 60, given, end=end)])
    starts = [int(instant.timestamp()) for instant in delivery_starts_utc("AT", day)]
    charts = {"unix_seconds": starts, "price": values(day), "unit": "EUR/MWh", "deprecated": False}
    servers[0].plan, servers[1].plan = [sends(document.render())], [sends(json.dumps(charts).encode())]
    providers: dict[str, Provider] = {
        "entsoe": Entsoe(token="canary", base_url=f"{servers[0].url}/api", policy=QUICK),
        "energy_charts": EnergyCharts(base_url=servers[1].url, policy=QUICK),
    }

    def client(provider: Provider) -> HttpClient:
        return HttpClient(folder / "http", provider.policy, sleep=lambda _: None)

    market = LiveMarket(Lake(uri=str(folder / "lake")), providers, client)
    return market.fetch("day_ahead_prices", "AT", day, day, sources=sources or tuple(providers), now=NOW)


@pytest.mark.parametrize(("day", "late_from"), [(AUTUMN, 3), (SPRING, 2)])
def test_a_clock_change_day_that_is_shifted_is_told_with_both_values(
    day: date, late_from: int, tmp_path: Path, servers: Servers
) -> None:
    given = values(day, late_from=late_from)
    fetched = fetch(tmp_path, servers, day, given)
    (doubt,) = fetched.doubts
    assert f"of {len(given)} prices of {day} in AT" in doubt
    assert f"{values(day)[late_from]:g} and {given[late_from]:g} EUR/MWh" in doubt
    assert fetched.rows["source"].unique().to_list() == ["entsoe"]


@pytest.mark.parametrize("day", [AUTUMN, SPRING])
def test_a_clock_change_day_on_which_both_agree_raises_no_doubt(
    day: date, tmp_path: Path, servers: Servers
) -> None:
    fetched = fetch(tmp_path, servers, day, values(day))
    assert (fetched.doubts, fetched.flags) == ((), ())


def test_one_source_alone_cannot_tell_and_the_desk_says_so(tmp_path: Path, servers: Servers) -> None:
    fetched = fetch(tmp_path, servers, AUTUMN, values(AUTUMN), "entsoe")
    assert fetched.doubts == ()
    assert "entsoe alone cannot tell whether its values are shifted" in fetched.flags[0]


def test_on_other_days_no_second_source_is_asked(tmp_path: Path, servers: Servers) -> None:
    fetch(tmp_path, servers, PLAIN, values(PLAIN))
    assert servers[1].asked == []
