"""The trading tables on recorded prices.

Settlement spreads in Slovakia and Belgium, a battery in thirteen zones. Honest about no edge.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import yaml

from desk.trading.backtest import fresh_past, run_beside_naive
from desk.trading.backtest_report import figure_rows
from resources.market.market_files import MarketFiles
from spot.arrays import Floats
from spot.backtest.trading import TradingRules, replay_trading
from spot.contracts.forecast_tables import QUANTILE_COLUMNS
from spot.lifecycle.bootstrap import block_bootstrap
from spot.market.delivery import days_between
from spot.risk.limit_book import LIMIT_KINDS, LimitBook, parse_limit_book
from spot.risk.outcomes import zone_outcomes
from spot.risk.value_at_risk import max_drawdown_eur
from spot.strategy.proposals.settlement_spread import SettlementSpread
from spot.strategy.proposals.storage import Storage
from spot.strategy.proposals.storage_plan import optimise_storage
from spot.strategy.proposals.view import MarketView, mean_of_quantiles
from spot.strategy.sizing import round_towards_zero
from spot.strategy.spread.sources import FittedSpread

STORAGE_ZONES = ("AT", "BE", "CZ", "DE_LU", "DK_1", "DK_2", "FR", "HU", "NL", "NO_2", "PT", "SE_4", "SK")
STORAGE_DAYS = (date(2022, 4, 1), date(2024, 12, 31))
AIMED_SHARE = 0.9


@dataclass(frozen=True, slots=True)
class SpreadCase:
    """One spread, where and when."""

    zone: str
    settled_against: str
    first_day: date
    last_day: date


SPREAD_CASES = (
    SpreadCase("SK", "intraday_vwap_60", date(2025, 3, 8), date(2025, 9, 30)),
    SpreadCase("SK", "intraday_vwap", date(2025, 3, 8), date(2025, 9, 30)),
    SpreadCase("SK", "intraday_vwap", date(2025, 10, 1), date(2026, 1, 25)),
    SpreadCase("SK", "imbalance", date(2025, 1, 1), date(2025, 9, 30)),
    SpreadCase("SK", "imbalance", date(2025, 10, 1), date(2026, 1, 24)),
    SpreadCase("BE", "imbalance", date(2024, 7, 28), date(2025, 9, 30)),
)
"""Until 2025-09-30 the auction is hourly, and quarter-hour second prices are averaged; from 2025-10-01 it has
quarter hours.
"""


def wide_limits() -> LimitBook:
    """Limits out of reach, so that strategies are compared and not limits.

    Every kind is there, since a missing one denies.
    """
    section: dict[str, dict[str, object]] = {kind: {"limit": 1e9, "action": "reduce"} for kind in LIMIT_KINDS}
    section |= {
        "min_price_eur_per_mwh": {"limit": -500.0, "action": "reduce"},
        "max_price_eur_per_mwh": {"limit": 4000.0, "action": "reduce"},
    }
    return parse_limit_book(
        {"desk": section, "zones": {"default": section}, "strategies": {"default": section}}
    )


def spread_rows(
    data: Path, conf: Path, cases: tuple[SpreadCase, ...] = SPREAD_CASES, *, max_mw: float = 5.0
) -> Iterator[dict[str, Any]]:
    """Per case a row for CatBoost on the spread, for its empirical quantiles, and for each naive rule."""
    for case in cases:
        days = days_between(case.first_day, case.last_day)
        raw = MarketFiles(path=str(data)).tables(case.zone)
        past = fresh_past(raw, case.zone, days, _model(conf, "fast"))
        asked = {"settled_against": case.settled_against, "max_mw": max_mw, "distribution": "catboost"}
        settings = SettlementSpread.model_validate(asked)
        rules = TradingRules(strategy=settings, limits=wide_limits(), spread=FittedSpread())
        plain = settings.model_copy(update={"distribution": "empirical"})
        replays = run_beside_naive(past, days, rules)
        replays["empirical quantiles"] = replay_trading(
            past, days, replace(rules, spread=None, strategy=plain)
        )
        for row in figure_rows(replays, days, settings):
            model = "CatBoost MultiQuantile" if row["strategy"] == settings.label else row["strategy"]
            yield {
                "zone": case.zone,
                "against": case.settled_against,
                "from": str(days[0]),
                "to": str(days[-1]),
                **row,
                "strategy": model,
            }


def storage_rows(
    data: Path,
    conf: Path,
    zones: tuple[str, ...] = STORAGE_ZONES,
    *,
    settings: Storage | None = None,
    profile: str = "fast",
    span: tuple[date, date] = STORAGE_DAYS,
    admit: frozenset[str] = frozenset(),
    keep: Path | None = None,
) -> Iterator[dict[str, Any]]:
    """Per zone one row: share of perfect foresight of our forecast and of the naive one, and whether the difference is sure.

    The plans are those of the strategy that trades, and every order is filled: a battery takes any price.
    Forecasts that were walked are kept in `keep` and used again, so that another battery costs seconds; empty
    the folder after a change of the engine.
    """
    battery, days = settings or Storage(), days_between(*span)
    for zone in zones:
        raw = MarketFiles(path=str(data)).tables(zone)
        settled = _settled_days(raw, days)
        prices = zone_outcomes(raw, zone=zone, settled_against="nothing")
        named = profile + ("-assumed-known" if admit else "")
        own = battery_money(
            _walked(raw, zone, days, _model(conf, profile), named, keep, admit), prices, settled, battery
        )
        naive = battery_money(
            _walked(raw, zone, days, {"kind": "naive"}, "naive", keep, frozenset()), prices, settled, battery
        )
        perfect = battery_money(None, prices, settled, battery)
        sure = block_bootstrap(own - naive)
        yield {
            "zone": zone,
            "days": len(settled),
            "inputs": "after the gate too" if admit else "known at the gate",
            "cycles_per_day": battery.max_cycles_per_day,
            "pnl_eur_per_day": float(own.mean()),
            "perfect_eur_per_day": float(perfect.mean()),
            "share_of_perfect": float(own.sum() / perfect.sum()),
            "naive_share": float(naive.sum() / perfect.sum()),
            "p_not_above_naive": sure.p_not_above,
            "days_with_a_loss": int((own < 0).sum()),
            "max_drawdown_eur": max_drawdown_eur(own),
            "is_above_naive": bool(own.sum() > naive.sum()),
            "is_aim_met": bool(own.sum() >= AIMED_SHARE * perfect.sum() and own.sum() > naive.sum()),
        }


def battery_money(
    forecasts: pl.DataFrame | None, prices: pl.DataFrame, days: tuple[date, ...], settings: Storage
) -> Floats:
    """(D,) EUR per day of the plan on each day's forecast, or with perfect foresight where `forecasts` is None; a day without a forecast earns 0."""
    by_day = {day: rows.sort("delivery_start_utc") for (day,), rows in prices.group_by("delivery_day")}
    said = (
        {}
        if forecasts is None
        else {day: rows.sort("delivery_start_utc") for (day,), rows in forecasts.group_by("delivery_day")}
    )
    return np.array(
        [_money_of_day(by_day[day], said.get(day), settings, is_perfect=forecasts is None) for day in days]
    )


def _money_of_day(
    truth: pl.DataFrame, said: pl.DataFrame | None, settings: Storage, *, is_perfect: bool
) -> float:
    price, hours = (
        truth["day_ahead_price_eur_per_mwh"].to_numpy(),
        float(truth["resolution_minutes"][0]) / 60.0,
    )
    fee = settings.fees.on(truth["delivery_day"][0]).day_ahead_fee_eur_per_mwh
    if is_perfect:
        exposure = optimise_storage(price + fee, price - fee, hours, settings).exposure_mw
    elif said is None or said.height != len(price):
        return 0.0
    else:
        quantiles = said.select(QUANTILE_COLUMNS.values()).to_numpy()
        view = MarketView(
            zone=truth["zone"][0],
            delivery_day=truth["delivery_day"][0],
            starts_utc=tuple(truth["delivery_start_utc"].to_list()),
            resolution_minutes=int(truth["resolution_minutes"][0]),
            quantiles=quantiles,
            mean=mean_of_quantiles(quantiles),
            history=truth.clear(),
        )
        exposure = round_towards_zero(settings.propose(view).exposure_mw, settings.volume_step_mw)
    costs = fee * np.abs(exposure).sum() + settings.degradation_eur_per_mwh * np.maximum(-exposure, 0.0).sum()
    return float(-hours * (exposure @ price + costs))


def _walked(
    raw: dict[str, pl.DataFrame],
    zone: str,
    days: tuple[date, ...],
    model: dict[str, Any],
    named: str,
    keep: Path | None,
    admit: frozenset[str],
) -> pl.DataFrame:
    """Forecasts of `days`, from the folder where they are kept."""
    file = None if keep is None else keep / f"{named}_{zone}_{days[0]}_{days[-1]}.parquet"
    if file is not None and file.exists():
        return pl.read_parquet(file)
    forecasts = fresh_past(raw, zone, days, model, admit=admit).forecasts
    if file is not None:
        file.parent.mkdir(parents=True, exist_ok=True)
        forecasts.write_parquet(file)
    return forecasts


def _settled_days(raw: dict[str, pl.DataFrame], days: tuple[date, ...]) -> tuple[date, ...]:
    """Days that have prices."""
    known = set(raw["day_ahead_prices"]["delivery_day"].to_list())
    return tuple(day for day in days if day in known)


def _model(conf: Path, profile: str) -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load(
        (conf / "models" / f"{profile}.yaml").read_text(encoding="utf-8")
    )
    return document
