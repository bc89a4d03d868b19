"""The trading tables on recorded prices: settlement spreads in Slovakia and Belgium, a battery in thirteen zones. Honest about no edge."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import yaml

from desk.backtest import fresh_past, run_beside_naive, strategy_name
from desk.trading_report import figure_rows
from resources.market_files import MarketFiles
from spot.backtest.spread_sources import FittedSpread
from spot.backtest.trading import TradingPast, TradingRules, replay_trading
from spot.backtest.trading_report import compare_with, trading_figures
from spot.market.delivery import days_between
from spot.risk.limit_book import LIMIT_KINDS, LimitBook, parse_limit_book
from spot.strategy.settings import SettlementSpreadSettings, StorageSettings

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
"""Until 2025-09-30 the auction is hourly, and quarter-hour second prices are averaged; from 2025-10-01 it has quarter hours."""


def wide_limits() -> LimitBook:
    """Limits out of reach, so that strategies are compared and not limits; every kind is there, since a missing one denies."""
    section: dict[str, dict[str, object]] = {kind: {"limit": 1e9, "action": "reduce"} for kind in LIMIT_KINDS}
    section |= {"min_price_eur_per_mwh": {"limit": -500.0, "action": "reduce"}, "max_price_eur_per_mwh": {"limit": 4000.0, "action": "reduce"}}
    return parse_limit_book({"desk": section, "zones": {"default": section}, "strategies": {"default": section}})


def spread_rows(data: Path, conf: Path, cases: tuple[SpreadCase, ...] = SPREAD_CASES, *, max_mw: float = 5.0) -> Iterator[dict[str, Any]]:
    """Per case a row for CatBoost on the spread, for its empirical quantiles, and for each naive rule."""
    for case in cases:
        days = days_between(case.first_day, case.last_day)
        raw = MarketFiles(path=str(data)).tables(case.zone)
        past = fresh_past(raw, case.zone, days, _model(conf, "fast"))
        asked = {"settled_against": case.settled_against, "max_mw": max_mw, "distribution": "catboost"}
        settings = SettlementSpreadSettings.model_validate(asked)
        rules = TradingRules(strategy=settings, limits=wide_limits(), spread=FittedSpread())
        plain = settings.model_copy(update={"distribution": "empirical"})
        replays = run_beside_naive(past, days, rules)
        replays["empirical quantiles"] = replay_trading(past, days, replace(rules, spread=None, strategy=plain))
        for row in figure_rows(replays, days, own=strategy_name(settings)):
            model = "CatBoost MultiQuantile" if row["strategy"] == strategy_name(settings) else row["strategy"]
            yield {"zone": case.zone, "against": case.settled_against, "from": str(days[0]), "to": str(days[-1]), **row, "strategy": model}


def storage_rows(
    data: Path,
    conf: Path,
    zones: tuple[str, ...] = STORAGE_ZONES,
    *,
    settings: StorageSettings | None = None,
    profile: str = "fast",
    span: tuple[date, date] = STORAGE_DAYS,
    admit: frozenset[str] = frozenset(),
) -> Iterator[dict[str, Any]]:
    """Per zone one row: share of perfect foresight of our forecast and of the naive one, and whether the difference is sure."""
    battery, days = settings or StorageSettings(), days_between(*span)
    rules = TradingRules(strategy=battery, limits=wide_limits())
    for zone in zones:
        raw = MarketFiles(path=str(data)).tables(zone)
        settled = _settled_days(raw, days)
        past = fresh_past(raw, zone, days, _model(conf, profile), admit=admit)
        naive = fresh_past(raw, zone, days, {"kind": "naive"})
        own, other = (_trade(which, settled, rules) for which in (past, naive))
        ours, theirs = (trading_figures(settlements, settled) for settlements in (own, other))
        sure = compare_with(own, other, settled)
        yield {
            "zone": zone,
            "days": len(settled),
            "inputs": "after the gate too" if admit else "known at the gate",
            "cycles_per_day": battery.max_cycles_per_day,
            "pnl_eur_per_day": ours.daily_mean_eur,
            "perfect_eur_per_day": ours.perfect_eur / len(settled),
            "share_of_perfect": ours.share_of_perfect,
            "naive_share": theirs.share_of_perfect,
            "p_not_above_naive": sure.p_not_above if sure else None,
            "max_drawdown_eur": ours.max_drawdown_eur,
            "is_aim_met": bool(ours.share_of_perfect >= AIMED_SHARE and ours.share_of_perfect > theirs.share_of_perfect),
        }


def _trade(past: TradingPast, days: tuple[date, ...], rules: TradingRules) -> pl.DataFrame:
    return replay_trading(past, days, rules).settlements


def _settled_days(raw: dict[str, pl.DataFrame], days: tuple[date, ...]) -> tuple[date, ...]:
    """Days that have prices."""
    known = set(raw["day_ahead_prices"]["delivery_day"].to_list())
    return tuple(day for day in days if day in known)


def _model(conf: Path, profile: str) -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load((conf / "models" / f"{profile}.yaml").read_text(encoding="utf-8"))
    return document
