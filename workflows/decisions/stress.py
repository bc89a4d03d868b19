"""Joint risk and stress tests of the orders of a day, from what the desk holds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import numpy as np
import polars as pl

from resources.lake.lake import Lake
from resources.lake.zone_tables import read_settling_tables, read_span
from resources.settings.strategies import strategies_of
from resources.settings.zones import Desk
from spot.arrays import Floats
from spot.contracts.forecast_tables import QUANTILE_COLUMNS
from spot.contracts.table import UTC_INSTANT
from spot.forecast.joint.day_paths import ZoneDay
from spot.forecast.joint.places import places
from spot.market.clock import local_time
from spot.market.delivery import ZoneDays
from spot.market.price_limits import day_ahead_price_limits
from spot.risk.outcomes import zone_outcomes
from spot.strategy.by_hand.changes import with_changes
from spot.strategy.proposals.price_paths import OWN_DAYS
from spot.strategy.proposals.view import dated_profiles
from spot.strategy.stress.joint import JointRisk, Name, PastSpreads, joint_risk
from spot.strategy.stress.money import DayOrders
from spot.strategy.stress.shocks import Stressed, StressedZone, stress_tests

PAST_DAYS = 182
"""Days behind the scenarios: half a year, as the risk of each strategy has it."""
_PRICE, _SECOND = "day_ahead_price_eur_per_mwh", "reference_price_eur_per_mwh"


@dataclass(frozen=True, slots=True, kw_only=True)
class DayAtRisk:
    """The orders of a day, and what is known of the prices that they meet."""

    day: date
    orders: tuple[DayOrders, ...]
    zones: Mapping[str, ZoneDay]
    stressed: Mapping[str, StressedZone]
    """Each with the price days of its own past."""
    price_days: Mapping[str, Sequence[date]]
    spreads: Mapping[Name, PastSpreads]
    left_out: tuple[str, ...]
    """Zones and strategies with orders that cannot be priced, and why."""

    def risk(self) -> JointRisk | None:
        """Joint value at risk; None where there is no order."""
        return joint_risk(self.orders, self.zones, self.spreads) if self.orders else None

    def tests(self, *, crisis_eur_per_mwh: float, decoupling_eur_per_mwh: float) -> list[Stressed]:
        """Every stress test, on the past days that all zones and strategies share."""
        if not self.orders:
            return []
        dated = [*self.price_days.values(), *(one.days for one in self.spreads.values())]
        common = set.intersection(*(set(days) for days in dated))
        zones = {
            zone: StressedZone(
                local_hours=one.local_hours,
                minimum_eur_per_mwh=one.minimum_eur_per_mwh,
                maximum_eur_per_mwh=one.maximum_eur_per_mwh,
                past=one.past[[day in common for day in self.price_days[zone]]],
            )
            for zone, one in self.stressed.items()
        }
        return stress_tests(
            self.orders,
            zones,
            {name: one.spreads[[day in common for day in one.days]] for name, one in self.spreads.items()},
            crisis_eur_per_mwh=crisis_eur_per_mwh,
            decoupling_eur_per_mwh=decoupling_eur_per_mwh,
        )


def day_at_risk(lake: Lake, desk: Desk, zones: Sequence[str], day: date) -> DayAtRisk:
    """What the desk would send, or has sent, for a day, changes of people included."""
    orders, left_out = list[DayOrders](), list[str]()
    zone_days, stressed, price_days = dict[str, ZoneDay](), dict[str, StressedZone](), {}
    spreads = dict[Name, PastSpreads]()
    for zone in zones:
        own = _orders(lake, desk, zone, day)
        if not own:
            continue
        span = ZoneDays(zone, day - timedelta(days=PAST_DAYS), day - timedelta(days=1))
        raw = read_settling_tables(lake, desk.zone(zone), span)
        history = zone_outcomes(raw, zone=zone, settled_against="nothing")
        units = _Units.of(own[0].signals)
        found = _zone_day(lake, zone, day, units, history)
        if found is None:
            left_out.append(f"{zone}: the orders have no forecast")
            continue
        zone_days[zone] = found
        price_days[zone], past = units.profiles(history, _PRICE)
        stressed[zone] = _stressed(zone, day, units, past)
        orders += own
        for one in own:
            if one.strategy.settled_against in ("nothing", "reference_curve"):
                continue
            known = zone_outcomes(raw, zone=zone, settled_against=one.strategy.settled_against)
            spread = known.drop_nulls(_SECOND).with_columns(spread=pl.col(_SECOND) - pl.col(_PRICE))
            days, past = units.profiles(spread, "spread")
            spreads[one.name] = PastSpreads(days=days, spreads=past)
    return DayAtRisk(
        day=day,
        orders=tuple(orders),
        zones=zone_days,
        stressed=stressed,
        price_days=price_days,
        spreads=spreads,
        left_out=tuple(left_out),
    )


@dataclass(frozen=True, slots=True)
class _Units:
    """The units of a zone's day."""

    zone: str
    starts_utc: tuple[datetime, ...]
    minutes: int

    @classmethod
    def of(cls, signals: pl.DataFrame) -> "_Units":
        rows = signals.sort("delivery_start_utc")
        return cls(rows["zone"][0], tuple(rows["delivery_start_utc"]), int(rows["resolution_minutes"][0]))

    def profiles(self, history: pl.DataFrame, column: str) -> tuple[list[date], Floats]:
        return dated_profiles(
            history,
            column,
            self.zone,
            self.starts_utc,
            resolution_minutes=self.minutes,
            n_days=PAST_DAYS,
        )


def _orders(lake: Lake, desk: Desk, zone: str, day: date) -> list[DayOrders]:
    """The champion's orders of the zone by strategy; strategies without an order are left out."""
    span = ZoneDays(zone, day, day)
    names = ("signals", "order_overrides", "override_conformance", "bid_curves", "block_orders")
    signals, overrides, judged, curves, blocks = (read_span(lake, name, span) for name in names)
    changed = with_changes(signals, overrides, judged, curves)
    found = []
    for strategy in strategies_of(desk, zone):
        own = changed.signals.filter(role="champion", strategy=strategy.strategy)
        if (own["volume_mw"] > 0).any():
            found.append(
                DayOrders(
                    strategy=strategy,
                    signals=own,
                    bid_curves=changed.bid_curves.join(own, on="signal_id", how="semi"),
                    block_orders=blocks.join(own, on="signal_id", how="semi"),
                )
            )
    return found


def _zone_day(lake: Lake, zone: str, day: date, units: _Units, history: pl.DataFrame) -> ZoneDay | None:
    """Quantiles of the day, and places of past prices in their forecasts; None without a forecast.

    A young desk takes price changes from week to week instead, as its strategies do.
    """
    first = day - timedelta(days=PAST_DAYS)
    rows = lake.read("day_ahead_forecasts", zones=[zone], first_day=first, last_day=day).filter(
        pl.col("role") == "champion"
    )
    newest = rows.sort("as_of_utc", "model_version").unique("delivery_start_utc", keep="last")
    names = list(QUANTILE_COLUMNS.values())
    today = newest.filter(delivery_day=day, resolution_minutes=units.minutes).sort("delivery_start_utc")
    if tuple(today["delivery_start_utc"]) != units.starts_utc:
        return None
    both = history.join(
        newest.filter(pl.col("delivery_day") < day).select(
            "zone", "delivery_start_utc", "resolution_minutes", *names
        ),
        on=["zone", "delivery_start_utc", "resolution_minutes"],
        how="inner",
    ).drop_nulls(_PRICE)
    found = places(both.select(names).to_numpy(), both[_PRICE].to_numpy())
    days, past = units.profiles(both.with_columns(place=pl.Series(found, dtype=pl.Float64)), "place")
    if len(days) < OWN_DAYS:
        days, past = _week_on_week(*units.profiles(history, _PRICE))
    return ZoneDay(quantiles=today.select(names).to_numpy(), past=past, days=days)


def _week_on_week(days: list[date], prices: Floats) -> tuple[list[date], Floats]:
    """Price changes from a week before, of days whose week before is known."""
    at = {day: row for row, day in enumerate(days)}
    pairs = [(row, at[day - _WEEK]) for row, day in enumerate(days) if day - _WEEK in at]
    changes = [prices[row] - prices[before] for row, before in pairs]
    return [days[row] for row, _ in pairs], np.array(changes).reshape(len(pairs), prices.shape[1])


_WEEK = timedelta(days=7)
"""Prices are compared with those of the same weekday."""


def _stressed(zone: str, day: date, units: _Units, past: Floats) -> StressedZone:
    limits = day_ahead_price_limits(day, zone)
    starts = pl.DataFrame({"delivery_start_utc": list(units.starts_utc)}, {"delivery_start_utc": UTC_INSTANT})
    return StressedZone(
        local_hours=starts.select(local_time(zone).dt.hour()).to_series().to_numpy().astype(np.float64),
        minimum_eur_per_mwh=limits.minimum_eur_per_mwh,
        maximum_eur_per_mwh=limits.maximum_eur_per_mwh,
        past=past,
    )
