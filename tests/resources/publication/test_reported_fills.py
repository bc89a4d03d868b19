"""What a stand-in exchange reports of the message that left: settled as told, and compared with what left."""

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import polars as pl
import pytest

from resources.lake.lake import Lake
from resources.trading.alerts import Alerts
from resources.trading.outbox import Outbox
from resources.trading.state import TradingStateStore
from spot.market.delivery import ZoneDays
from spot.sources.files.fill_files import parse_fills
from spot.strategy.outbox.standing import as_sent
from spot.strategy.proposals.settlement_spread import SettlementSpread
from spot.strategy.proposals.storage_groups import StorageGroups
from spot.strategy.settle import settle_signals
from spot.strategy.signals import decide_signals
from tests.support.live_desk import make_live_desk
from tests.support.live_orders import BEFORE, DAY, GATE, SECRET, decide, write_tables
from tests.support.sample_market import ZONE, make_request
from tests.support.stand_in_exchange import Fill, StandInExchange
from workflows.decisions.exchange import alert_on_fills, compared_fills, reported_of

SPAN = ZoneDays(ZONE, DAY, DAY)
REPORTED = GATE + timedelta(hours=1)


def outcomes(signals: pl.DataFrame) -> pl.DataFrame:
    """Prices of the auction, 40 in the night and 90 by day, and a second price that is 7 higher."""
    hour = pl.col("delivery_start_utc").dt.hour()
    price = pl.when(hour < 12).then(40.0).otherwise(90.0) + hour
    return signals.select(
        "zone",
        "delivery_day",
        "delivery_start_utc",
        "resolution_minutes",
        day_ahead_price_eur_per_mwh=price,
        reference_price_eur_per_mwh=price + 7.0,
        source=pl.lit("simulated"),
        known_at_utc=pl.lit(REPORTED),
    )


def exchange(signals: pl.DataFrame, **settings: Any) -> StandInExchange:
    prices = outcomes(signals).select("delivery_start_utc", "day_ahead_price_eur_per_mwh").iter_rows()
    return StandInExchange(prices=dict(prices), **settings)


def report(lake: Lake, body: bytes) -> None:
    lake.append_only("exchange_fills", parse_fills(body, "json", "report", ZONE))


def settled(lake: Lake, strategy: Any) -> pl.DataFrame:
    curves, blocks = (lake.read(name) for name in ("bid_curves", "block_orders"))
    signals = as_sent(lake.read("signals"), lake.read("publications"))
    return settle_signals(
        signals,
        outcomes(signals),
        strategy,
        bid_curves=curves,
        block_orders=blocks,
        reported=reported_of(SPAN, lake),
    )


@pytest.fixture
def sent(live_outbox: Outbox, receiver: Any) -> tuple[Lake, bytes]:
    """The ledger of a desk whose orders of the spread have left, and the message."""
    live_outbox.publish(ZONE, DAY, DAY, clock=lambda: BEFORE)
    return live_outbox.lake, receiver.received[-1][1]


def test_an_honest_report_settles_as_the_prices_do_and_raises_nothing(sent: tuple[Lake, bytes]) -> None:
    lake, body = sent
    simulated = settled(lake, SettlementSpread())
    assert simulated["filled_mwh"].sum() > 0
    report(lake, exchange(lake.read("signals")).report(body, REPORTED))
    real = settled(lake, SettlementSpread())
    own = ["signal_id", "side", "exposure_mw", "day_ahead_price_eur_per_mwh"]
    assert real.select(own).equals(simulated.select(own))
    assert real["pnl_eur"].to_list() == pytest.approx(simulated["pnl_eur"].to_list())
    assert real.filter(pl.col("side") != "flat")["fill_source"].unique().to_list() == ["exchange"]
    compared = compared_fills(SPAN, lake, real)
    assert compared.height == real.height
    assert compared["difference"].unique().to_list() == [""]
    assert alert_on_fills(compared, Alerts(lake=lake), now=REPORTED) == 0


def half(fill: Fill) -> Fill:
    return {**fill, "volume_mw": fill["volume_mw"] / 2}


def other_side(fill: Fill) -> Fill:
    return {**fill, "side": {"buy": "sell", "sell": "buy"}[fill["side"]]}


@pytest.mark.parametrize(
    ("make_wrong", "why"),
    [
        (half, "less was filled than the price allows"),
        (lambda fill: {**fill, "volume_mw": fill["volume_mw"] + 1.0}, "more was filled than ordered"),
        (other_side, "filled on the other side"),
        (
            lambda fill: {**fill, "price_eur_per_mwh": fill["price_eur_per_mwh"] + 0.5},
            "filled at another price than the auction's",
        ),
        (lambda fill: {**fill, "price_eur_per_mwh": 3_999.0}, "filled at a worse price than the limit"),
        (
            lambda fill: {**fill, "status": "rejected", "volume_mw": 0.0, "detail": "no credit"},
            "rejected: no credit",
        ),
        (lambda _: None, "the exchange reported nothing of this order"),
    ],
)
def test_each_difference_is_named_and_raises_one_alert(
    sent: tuple[Lake, bytes], make_wrong: Callable[[Fill], Fill | None], why: str
) -> None:
    lake, body = sent

    def change(fills: list[Fill]) -> list[Fill]:
        place = next(at for at, one in enumerate(fills) if one["volume_mw"] > 0 and one["side"] == "buy")
        wrong = make_wrong(fills[place])
        return [*fills[:place], *([wrong] if wrong else []), *fills[place + 1 :]]

    report(lake, exchange(lake.read("signals")).report(body, REPORTED, change))
    compared = compared_fills(SPAN, lake, settled(lake, SettlementSpread()))
    (difference,) = compared.filter(pl.col("difference") != "")["difference"]
    assert difference == why
    alerts = Alerts(lake=lake)
    assert [alert_on_fills(compared, alerts, now=REPORTED) for _ in range(2)] == [1, 0]
    (raised,) = lake.read("alerts").to_dicts()
    assert (raised["kind"], raised["severity"]) == ("fills_differ", "critical")
    assert why in raised["message"]


def test_money_follows_what_was_filled_and_a_correction_replaces_it(sent: tuple[Lake, bytes]) -> None:
    lake, body = sent
    honest = settled(lake, SettlementSpread())
    market = exchange(lake.read("signals"))
    report(lake, market.report(body, REPORTED, lambda fills: [half(fill) for fill in fills]))
    halved = settled(lake, SettlementSpread())
    assert halved["filled_mwh"].sum() == pytest.approx(honest["filled_mwh"].sum() / 2)
    assert halved["pnl_eur"].sum() == pytest.approx(honest["pnl_eur"].sum() / 2)
    report(lake, market.report(body, REPORTED + timedelta(minutes=5)))
    assert settled(lake, SettlementSpread())["pnl_eur"].sum() == pytest.approx(honest["pnl_eur"].sum())


def test_a_trade_after_the_auction_closes_its_part_at_its_own_price(sent: tuple[Lake, bytes]) -> None:
    lake, body = sent
    market = exchange(lake.read("signals"))
    report(lake, market.report(body, REPORTED))
    before = settled(lake, SettlementSpread())
    unit = before.filter(pl.col("exposure_mw") > 0).row(0, named=True)
    trade = {
        "market": "trade",
        "delivery_start": unit["delivery_start_utc"].isoformat(),
        "resolution_minutes": unit["resolution_minutes"],
        "side": "sell",
        "volume_mw": unit["exposure_mw"],
        "price_eur_per_mwh": unit["day_ahead_price_eur_per_mwh"] + 20.0,
        "reference": "T1",
    }
    report(lake, market.report(body, REPORTED + timedelta(hours=2), lambda _: [trade]))
    after = settled(lake, SettlementSpread()).filter(signal_id=unit["signal_id"]).row(0, named=True)
    energy = unit["filled_mwh"]
    assert after["traded_mwh"] == pytest.approx(-energy)
    assert after["gross_pnl_eur"] == pytest.approx(20.0 * energy)
    assert after["slippage_eur"] == 0.0, "nothing is left to close at an assumed price"
    assert after["fees_eur"] == pytest.approx(unit["fees_eur"])


def test_of_exclusive_groups_the_executed_blocks_settle_and_a_rejected_group_is_made_good(
    store: TradingStateStore, receiver: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    monkeypatch.setenv("SPOTDESK_SIGNAL_WEBHOOK_URL", f"http://127.0.0.1:{receiver.server_port}/hook")
    monkeypatch.setenv("SPOTDESK_SIGNAL_WEBHOOK_SECRET", SECRET)
    strategy = StorageGroups(exchange="epex_spot", max_blocks=4)
    decision = decide_signals(make_request(DAY, strategy, as_of_utc=BEFORE, mode="live"))
    lake, home = Lake(uri=str(tmp_path / "lake")), make_live_desk(tmp_path, ZONE)
    write_tables(lake, decision)
    Outbox(lake=lake, state_folder=str(store.folder), home=home).publish(ZONE, DAY, DAY, clock=lambda: BEFORE)
    body = receiver.received[-1][1]
    best = StorageGroups(
        exchange="epex_spot", max_blocks=4, fills={"second_best_share": 0, "rejected_share": 0}
    )
    simulated = settled(lake, best)
    report(lake, exchange(decision.frame).report(body, REPORTED))
    real = settled(lake, strategy)
    assert real["exposure_mw"].to_list() == simulated["exposure_mw"].to_list()
    assert real["pnl_eur"].sum() == pytest.approx(simulated["pnl_eur"].sum())
    assert set(compared_fills(SPAN, lake, real)["difference"]) == {""}
    later: datetime = REPORTED + timedelta(minutes=1)
    report(lake, exchange(decision.frame, rejected_groups=frozenset({1})).report(body, later))
    lost = settled(lake, strategy)
    assert lost["unfilled_mwh"].sum() > 0
    assert lost["pnl_eur"].sum() < real["pnl_eur"].sum()
    assert "rejected: paradoxical" in set(compared_fills(SPAN, lake, lost)["difference"])


def test_a_fill_without_an_order_is_money_and_an_alarm(desk: Any) -> None:
    lake: Lake = desk.lake
    decision = decide(BEFORE)
    write_tables(lake, decision)
    order = decision.frame.filter(side="buy").row(0, named=True)
    assert settled(lake, SettlementSpread())["filled_mwh"].sum() == 0.0, "no channel took the message"
    fill = {
        "delivery_start": order["delivery_start_utc"].isoformat(),
        "resolution_minutes": order["resolution_minutes"],
        "side": "buy",
        "volume_mw": 2.0,
        "price_eur_per_mwh": 40.0,
        "reference": "A1",
    }
    message = {"schema": 1, "strategy": order["strategy"], "reported_at": REPORTED.isoformat()}

    report(lake, json.dumps({**message, "fills": [fill]}).encode())
    assert settled(lake, SettlementSpread())["filled_mwh"].sum() == 2.0 * order["resolution_minutes"] / 60
    found = compared_fills(SPAN, lake).filter(pl.col("difference") != "")
    assert found["difference"].to_list() == ["filled, and no order was sent"]
    stranger = {**message, "strategy": "price_view"}
    report(lake, json.dumps({**stranger, "fills": [fill]}).encode())
    found = compared_fills(SPAN, lake).filter(strategy="price_view")
    assert found["difference"].to_list() == ["filled, and the desk has no live order of this strategy"]
