"""PJM, ERCOT and the ECB on loopback.

What is asked and with which secrets, and how dollars become EUR in the ledger.
"""

import logging
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from resources.lake.lake import Lake
from resources.market.live_market import LiveMarket
from resources.providers.ecb import Ecb
from resources.providers.elexon import Elexon
from resources.providers.ercot import Ercot
from resources.providers.http import HttpClient, HttpPolicy
from resources.providers.pjm import Pjm
from resources.providers.provider import Provider
from spot.contracts.tables import find_contract
from spot.errors import ConfigurationError, NotYetPublishedError, SourceUnavailableError
from spot.market.delivery import n_periods
from spot.market.gates import gate_closure_utc
from tests.support.provider_server import FaultyProvider, faulty_provider, sends
from tests.support.us_documents import (
    ecb_body,
    ercot_body,
    ercot_load_rows,
    ercot_price_rows,
    pjm_body,
    pjm_load_rows,
    pjm_price_rows,
    weekday_rates,
)

CANARY = "canary-us-5521"
PASSWORD = "canary-word-88"
DAY = date(2025, 11, 5)
LATER = datetime(2026, 2, 1, tzinfo=UTC)
QUICK = HttpPolicy(requests_per_minute=60_000.0, attempts=1, read_seconds=2.0)
WESTERN, NORTH = "PJM_WESTERN_HUB", "ERCOT_NORTH_HUB"


def values(zone: str, day: date, minutes: int = 60) -> list[float]:
    return [round(30.0 + 7.0 * (at % 11) - at / 8, 2) for at in range(n_periods(zone, day, minutes))]


def days(first: date = DAY, n_days: int = 3) -> list[date]:
    return [first + timedelta(days=at) for at in range(n_days)]


class Desk:
    """A lake, and all three providers on one server."""

    def __init__(self, folder: Path, server: FaultyProvider) -> None:
        self.lake, self.server, self.folder, self.now = Lake(uri=str(folder / "lake")), server, folder, LATER
        self.ercot = Ercot(
            key=CANARY,
            username=f"desk-{server.url}",
            password=PASSWORD,
            base_url=f"{server.url}/ercot",
            login_url=f"{server.url}/login",
            policy=QUICK,
        )
        providers: dict[str, Provider] = {
            "pjm": Pjm(key=CANARY, base_url=f"{server.url}/pjm", policy=QUICK),
            "ercot": self.ercot,
            "ecb": Ecb(base_url=f"{server.url}/ecb", policy=QUICK),
            "elexon": Elexon(base_url=f"{server.url}/elexon", policy=QUICK),
        }
        self.live = LiveMarket(self.lake, providers, self.client)
        pjm = [row for day in days() for row in pjm_price_rows(WESTERN, day, values(WESTERN, day))]
        ercot = [row for day in days() for row in ercot_price_rows(NORTH, day, values(NORTH, day))]
        real_time = [
            row for day in days() for row in ercot_price_rows(NORTH, day, values(NORTH, day, 15), 15)
        ]
        self.rates = weekday_rates(DAY - timedelta(days=9), DAY + timedelta(days=3))
        server.routes = {
            "/pjm/da_hrl_lmps": sends(pjm_body(pjm)),
            "/ercot/np4-190-cd/dam_stlmnt_pnt_prices": sends(ercot_body(ercot)),
            "/ercot/np6-905-cd/spp_node_zone_hub": sends(ercot_body(real_time)),
            "/ecb/EXR/D.USD.EUR.SP00.A": sends(ecb_body("USD", self.rates)),
            "/login": sends(b'{"id_token": "token-of-an-hour", "expires_in": "3600"}'),
        }
        server.plan = [sends(b"", 404)]

    def client(self, provider: Provider) -> HttpClient:
        return HttpClient(self.folder / "http", provider.policy, sleep=lambda _: None, wall_clock=self._now)

    def _now(self) -> float:
        return self.now.timestamp()

    def fetch(self, table: str, zone: str, source: str) -> pl.DataFrame:
        return self.live.fetch(table, zone, DAY, DAY + timedelta(days=2), sources=[source], now=self.now).rows

    def asked(self, part: str) -> int:
        return sum(part in path for path in self.server.asked)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with faulty_provider() as server:
        yield Desk(tmp_path, server)


@pytest.mark.parametrize(("zone", "source"), [(WESTERN, "pjm"), (NORTH, "ercot")])
def test_prices_are_kept_in_dollars_and_handed_on_in_eur(desk: Desk, zone: str, source: str) -> None:
    rows = desk.fetch("day_ahead_prices", zone, source)
    assert desk.lake.append("day_ahead_prices", rows, source=source).n_new == 72
    kept = desk.lake.read("local_currency_prices", zones=[zone])
    assert kept.filter(pl.col("delivery_day") == DAY)["price_per_mwh"].to_list() == values(zone, DAY)
    known = max(day for day in desk.rates if day < DAY)
    assert rows.filter(pl.col("delivery_day") == DAY)["price_eur_per_mwh"][0] == pytest.approx(
        values(zone, DAY)[0] / desk.rates[known]
    )
    assert set(rows["source"]) == {source}
    assert (
        rows["available_at_utc"] > pl.Series([gate_closure_utc(zone, day) for day in rows["delivery_day"]])
    ).all()


def test_asking_again_asks_the_bank_no_more_and_gives_the_same_rows(desk: Desk) -> None:
    first = desk.fetch("day_ahead_prices", NORTH, "ercot")
    again = desk.fetch("day_ahead_prices", NORTH, "ercot")
    assert again.equals(first)
    assert desk.asked("/ecb/") == 1
    assert desk.lake.append("day_ahead_prices", first, source="ercot").n_new == 72
    assert desk.lake.append("day_ahead_prices", again, source="ercot").n_new == 0


def test_real_time_prices_settle_what_the_auction_gave(desk: Desk) -> None:
    rows = desk.fetch("imbalance_prices", NORTH, "ercot")
    assert set(rows["series"]) == {"imbalance"}
    assert set(rows["resolution_minutes"]) == {15}
    assert len(rows) == 3 * 96


def test_without_rates_nothing_becomes_eur_and_the_dollars_stay(desk: Desk) -> None:
    desk.server.routes["/ecb/EXR/D.USD.EUR.SP00.A"] = sends(b"", 503)
    with pytest.raises(SourceUnavailableError):
        desk.fetch("day_ahead_prices", NORTH, "ercot")
    assert len(desk.lake.read("local_currency_prices", zones=[NORTH])) == 72
    desk.server.routes["/ecb/EXR/D.USD.EUR.SP00.A"] = sends(ecb_body("USD", desk.rates))
    assert len(desk.fetch("day_ahead_prices", NORTH, "ercot")) == 72


def test_no_price_yet_is_no_price(desk: Desk) -> None:
    desk.server.routes["/pjm/da_hrl_lmps"] = sends(pjm_body([]))
    with pytest.raises(NotYetPublishedError):
        desk.fetch("day_ahead_prices", WESTERN, "pjm")


def test_the_login_is_done_once_and_its_secrets_go_nowhere(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    desk.fetch("day_ahead_prices", NORTH, "ercot")
    desk.fetch("imbalance_prices", NORTH, "ercot")
    assert len(desk.server.posted) == 1
    assert PASSWORD.encode() in desk.server.posted[0]
    asked = [
        headers
        for path, headers in zip(desk.server.asked, desk.server.headers, strict=True)
        if path.startswith("/ercot/")
    ]
    assert all(headers["Authorization"] == "Bearer token-of-an-hour" for headers in asked)
    assert all(headers["Ocp-Apim-Subscription-Key"] == CANARY for headers in asked)
    files = b"".join(path.read_bytes() for path in desk.folder.rglob("*") if path.is_file())
    told = files.decode(errors="replace") + caplog.text + repr(desk.ercot) + str(desk.lake.read("captures"))
    assert not any(secret in told for secret in (CANARY, PASSWORD, "token-of-an-hour"))


@pytest.mark.parametrize("answer", [b'{"error": "invalid_grant"}', b"<nothing>", b'{"id_token": ""}'])
def test_a_login_that_is_refused_is_a_matter_of_configuration(desk: Desk, answer: bytes) -> None:
    desk.server.routes["/login"] = sends(answer, 400)
    with pytest.raises(ConfigurationError, match="login") as caught:
        desk.fetch("day_ahead_prices", NORTH, "ercot")
    assert PASSWORD not in str(caught.value)


def test_a_key_that_no_header_may_hold_is_refused_before_it_is_sent(desk: Desk) -> None:
    request = Pjm(key=f"{CANARY}\n", base_url=f"{desk.server.url}/pjm", policy=QUICK).requests(
        "day_ahead_prices", WESTERN, DAY, DAY
    )[0]
    with pytest.raises(ConfigurationError, match="characters") as caught:
        request.ask(desk.client(Pjm()))
    assert CANARY not in repr(caught.value)
    assert not desk.server.asked


@pytest.mark.parametrize(("provider", "zone"), [(Pjm(), WESTERN), (Ercot(key="k"), NORTH)])
def test_a_missing_key_is_named(provider: Provider, zone: str) -> None:
    with pytest.raises(ConfigurationError, match="SPOTDESK_"):
        provider.requests("day_ahead_prices", zone, DAY, DAY)


def test_what_pjm_is_asked() -> None:
    (request,) = Pjm(key=CANARY).requests("imbalance_prices", WESTERN, DAY, DAY + timedelta(days=1))
    assert request.url == "https://api.pjm.com/api/v1/rt_hrl_lmps"
    assert request.parameters["datetime_beginning_ept"] == "11/05/2025 00:00to11/06/2025 23:59"
    assert request.parameters["pnode_id"] == "51288"
    assert "total_lmp_rt" in request.parameters["fields"]
    feeds = [
        request.url.rpartition("/")[2]
        for request in Pjm(key=CANARY).requests("load_forecasts", WESTERN, DAY, DAY)
    ]
    assert feeds == ["load_frcstd_hist", "load_frcstd_7_day"]


def test_what_ercot_is_asked() -> None:
    provider = Ercot(key="k", username="u", password="p")
    requests = provider.requests("load_forecasts", NORTH, DAY, DAY + timedelta(days=1))
    assert len(requests) == 2
    assert requests[0].parameters["postedDatetimeFrom"] == "2025-11-04T00:00:00"
    assert requests[0].parameters["postedDatetimeTo"] == "2025-11-04T10:00:00"
    assert (
        requests[0].parameters["deliveryDateFrom"] == requests[0].parameters["deliveryDateTo"] == "2025-11-05"
    )
    (prices,) = provider.requests("day_ahead_prices", NORTH, DAY, DAY + timedelta(days=1))
    assert prices.parameters["settlementPoint"] == "HB_NORTH"
    assert not Ercot().tables(WESTERN)


def test_every_vintage_of_a_load_forecast_is_judged_and_kept(desk: Desk) -> None:
    for at, day in enumerate(days()):
        gate = gate_closure_utc(NORTH, day)
        loads = [60_000.0 + 800.0 * (hour % 12) for hour in range(24)]
        rows = [
            row
            for hours in (4, 2)
            for row in ercot_load_rows(NORTH, day, loads, gate - timedelta(hours=hours))
        ]
        desk.server.plan = [*desk.server.plan[:at], sends(ercot_body(rows)), sends(b"", 404)]
    loaded = desk.fetch("load_forecasts", NORTH, "ercot")
    assert len(loaded) == 3 * 2 * 24
    assert desk.lake.append("load_forecasts", loaded, source="ercot").n_new == 144
    made = gate_closure_utc(WESTERN, DAY) - timedelta(hours=3)
    desk.server.plan = [
        sends(
            pjm_body(
                pjm_load_rows(WESTERN, DAY, [90_000.0 + hour for hour in range(24)], made, is_history=True)
            )
        ),
        sends(pjm_body([])),
    ]
    assert set(desk.fetch("load_forecasts", WESTERN, "pjm")["available_at_utc"]) == {made}


def test_gb_index_and_system_price_become_eur_tables(desk: Desk) -> None:
    from tests.spot.sources.test_json_parsers import elexon, index_row

    desk.server.routes["/elexon/balancing/pricing/market-index"] = sends(elexon(index_row()))
    gb = dict.fromkeys(weekday_rates(date(2026, 4, 20), date(2026, 5, 8)), 0.85)
    desk.server.routes["/ecb/EXR/D.GBP.EUR.SP00.A"] = sends(ecb_body("GBP", gb))
    desk.now = datetime(2026, 5, 7, tzinfo=UTC)
    rows = desk.live.fetch(
        "intraday_prices", "GB", date(2026, 5, 6), date(2026, 5, 6), sources=["elexon"], now=desk.now
    ).rows
    kept = desk.lake.read("local_currency_prices", zones=["GB"])
    assert rows["price_eur_per_mwh"][0] == pytest.approx(kept["price_per_mwh"][0] / 0.85)
    assert set(rows["series"]) == {"vwap"}
    assert set(rows.columns) == set(find_contract("intraday_prices").columns)
