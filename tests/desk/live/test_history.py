"""`spotdesk backfill` and `ingest`: a desk gets its history."""

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import polars as pl
import pytest

import desk.data.history
from resources.lake.lake import Lake
from resources.market.live_sources import make_live_market
from resources.settings.acceptance.changes import digest_of
from resources.settings.acceptance.in_force import DIGEST_VARIABLE
from resources.settings.environment import read_environment
from resources.wiring import make_lake
from spot.market.delivery import days_between, delivery_day_of, delivery_starts_utc
from spot.sources.parsed import Capture
from spot.sources.providers.ecb import parse_ecb
from tests.support.commands import call
from tests.support.provider_server import FaultyProvider, faulty_provider, sends
from tests.support.us_documents import ecb_body


class Charts:
    """A provider that answers every request for prices with exactly the days it names."""

    def __init__(self, server: FaultyProvider) -> None:
        self.server = server
        server.routes["/price"] = self._answer

    def _answer(self, handler: object) -> None:
        query = parse_qs(urlsplit(self.server.asked[-1]).query)
        first, end = (datetime.fromisoformat(query[name][0]) for name in ("start", "end"))
        days = [
            day
            for day in days_between(delivery_day_of("NL", first), delivery_day_of("NL", end))
            if delivery_starts_utc("NL", day)[0] < end
        ]
        starts = [int(start.timestamp()) for day in days for start in delivery_starts_utc("NL", day)]
        price = [50.0 + (start // 3600) % 24 + 20.0 * ((start // 3600) % 24 > 16) for start in starts]
        body = json.dumps(
            {"unix_seconds": starts, "price": price, "unit": "EUR/MWh", "deprecated": False}
        ).encode()
        sends(body)(handler)  # type: ignore[arg-type]


@pytest.fixture
def charts(monkeypatch: pytest.MonkeyPatch) -> Iterator[Charts]:
    with faulty_provider() as server:
        monkeypatch.setenv("SPOTDESK_PROVIDER_URLS", f"energy_charts={server.url}")
        yield Charts(server)


BACKFILL = (
    "backfill",
    "--zone",
    "NL",
    "--from",
    "2024-02-10",
    "--to",
    "2024-04-05",
    "--source",
    "energy_charts",
    "--table",
    "day_ahead_prices",
)


def test_backfill_goes_month_by_month_and_does_nothing_twice(home: Path, charts: Charts) -> None:
    done = call(*BACKFILL, "--json")
    assert done.exit_code == 0, done.output
    assert [row["outcome"] for row in json.loads(done.stdout)] == ["loaded"] * 3
    rows = Lake(uri=str(home / "home" / "lake")).read("day_ahead_prices", zones=["NL"])
    assert rows["delivery_day"].unique().sort().to_list() == list(
        days_between(date(2024, 2, 10), date(2024, 4, 5))
    )
    assert rows["availability"].unique().to_list() == ["rule"]
    n_asked = len(charts.server.asked)
    assert json.loads(call(*BACKFILL, "--json").stdout) == []
    assert len(charts.server.asked) == n_asked
    again = json.loads(call(*BACKFILL, "--again", "--json").stdout)
    assert [row["outcome"] for row in again] == ["nothing new"] * 3


def test_backfill_goes_on_after_a_failed_month(home: Path, charts: Charts) -> None:
    charts.server.plan, routes = [sends(b"", 405)], dict(charts.server.routes)
    charts.server.routes.clear()
    assert call(*BACKFILL, "--json").exit_code == 1
    charts.server.routes.update(routes)
    done = call(*BACKFILL, "--json")
    assert [row["outcome"] for row in json.loads(done.stdout)] == ["loaded"] * 3


def test_backfill_gives_up_soon_where_nobody_answers_and_goes_on_later(
    home: Path, charts: Charts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SPOTDESK_PROVIDER_URLS", "energy_charts=http://127.0.0.1:9")
    done = call(*BACKFILL, "--json")
    assert done.exit_code == 1
    rows = json.loads(done.stdout)
    assert [row["outcome"] for row in rows] == ["no answer", "no answer", "not asked"]
    assert "no connection to 127.0.0.1" in rows[0]["detail"]
    monkeypatch.setenv("SPOTDESK_PROVIDER_URLS", f"energy_charts={charts.server.url}")
    again = call(*BACKFILL, "--json")
    assert [row["outcome"] for row in json.loads(again.stdout)] == ["loaded"] * 3


def test_backfill_loads_all_tables_and_the_weather_runs_of_a_zone_with_own_forecasts(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    market = make_live_market(Lake(uri=str(home / "lake")), home / "http", secret=lambda _: "x")
    (home / "conf" / "zones.yaml").write_text("zones: {NL: {source: entsoe, own_forecasts: true}}\n")
    monkeypatch.setenv(DIGEST_VARIABLE, digest_of(home / "conf"))
    sources = desk.data.history.sources_of("NL", None)
    tables = {
        task.table
        for task in desk.data.history.tasks_of(
            market, "NL", sources, None, (date(2025, 1, 1), date(2025, 1, 31))
        )
    }
    assert {
        "weather_forecasts",
        "outages",
        "net_positions",
        "cross_border_flows",
        "imbalance_price_sides",
        "load_actuals",
    } <= tables


def test_backfill_wants_a_live_source_and_a_table_that_it_has(home: Path) -> None:
    for words in (
        ("--source", "files"),
        ("--source", "energy_charts", "--table", "outages"),
        ("--to", "2020-01-01", "--source", "smard"),
        (),
    ):
        assert call("backfill", "--zone", "NL", "--from", "2024-02-10", *words).exit_code != 0


def test_ingest_takes_a_tidy_file_once_and_refuses_a_bad_one_whole(home: Path) -> None:
    head = "table,series,delivery_start,resolution_minutes,value"
    starts = [
        start
        for day in days_between(date(2024, 2, 1), date(2024, 2, 20))
        for start in delivery_starts_utc("NL", day)
    ]
    lines = [
        f"day_ahead_prices,day_ahead,{start:%Y-%m-%dT%H:%MZ},60,{60 + start.hour + start.day}"
        for start in starts
    ]
    good, bad = home / "good.csv", home / "bad.csv"
    good.write_text("\n".join([head, *lines]))
    bad.write_text("\n".join([head, *(line.replace(",60,", ",60,-") for line in lines[240:])]))
    (first,) = json.loads(call("ingest", str(good), "--zone", "NL", "--json").stdout)
    assert first == {"table": "day_ahead_prices", "rows": 480, "new": 480, "known": 0, "quarantined": 0}
    (again,) = json.loads(call("ingest", str(good), "--zone", "NL", "--json").stdout)
    assert (again["new"], again["known"]) == (0, 480)
    corrected = home / "corrected.csv"
    corrected.write_text("\n".join([head, *lines[:-24], *(f"{line}.5" for line in lines[-24:])]))
    before = datetime.now(UTC)
    (third,) = json.loads(call("ingest", str(corrected), "--zone", "NL", "--json").stdout)
    assert (third["new"], third["known"], third["quarantined"]) == (24, 456, 0)
    last = make_lake(read_environment()).read("day_ahead_prices", zones=["NL"], first_day=date(2024, 2, 20))
    assert last.height == 48
    assert last.filter(pl.col("available_at_utc") >= before).height == 24
    refused = call("ingest", str(bad), "--zone", "NL")
    assert refused.exit_code != 0
    assert "opposite sign" in str(refused.exception)
    for words in (("nowhere.csv", "--zone", "NL"), (str(good), "--zone", "XX")):
        assert call("ingest", *words).exit_code != 0


def test_a_file_in_pounds_is_kept_and_converted(home: Path) -> None:
    days = days_between(date(2024, 2, 1), date(2024, 2, 20))
    starts = [start for day in days for start in delivery_starts_utc("GB", day)]
    lines = [
        f"local_currency_prices,day_ahead,{start:%Y-%m-%dT%H:%MZ},30,{60 + start.hour + start.day}"
        for start in starts
    ]
    (home / "gb.csv").write_text("\n".join(["table,series,delivery_start,resolution_minutes,value", *lines]))
    lake = Lake(uri=str(home / "home" / "lake"))
    capture = Capture(zone="GB", captured_at_utc=datetime(2026, 1, 1, tzinfo=UTC), is_backfill=True)
    rates = dict.fromkeys(
        (day for day in days_between(date(2024, 1, 25), date(2024, 2, 12)) if day.weekday() < 5), 0.85
    )
    lake.append(
        "exchange_rates", parse_ecb(ecb_body("GBP", rates), capture).tables["exchange_rates"], source="ecb"
    )
    kept, converted = json.loads(call("ingest", str(home / "gb.csv"), "--zone", "GB", "--json").stdout)
    assert (kept["table"], kept["new"]) == ("local_currency_prices", 960)
    assert (converted["table"], converted["new"]) == ("day_ahead_prices (EUR)", 960)
    assert converted["without_rate"] == 0
    rows = lake.read("day_ahead_prices", zones=["GB"])
    assert rows["price_eur_per_mwh"][0] == pytest.approx(61 / 0.85)
    assert set(rows["resolution_minutes"]) == {30}
