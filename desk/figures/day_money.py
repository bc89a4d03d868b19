"""Why a settled day earned or lost what it did: from what was expected to what came, step by step.

For each unit, gross P&L is the exposure times (second price minus day-ahead price). So the way from the
expected money to the realised one has exact steps: the day-ahead price came different, the second price came
different, and costs. What is left is `other`, such as a physical position that has no second price.
"""

from dataclasses import asdict, dataclass
from datetime import date, timedelta
from typing import Any

import polars as pl

from spot.market.clock import local_time
from spotdesk.desk import Desk

USUAL_DAYS = 28
"""Days before the day with which its error is compared: four weeks, so that each weekday counts alike."""
_WORST_UNITS = 8
"""Chosen by hand: the units that cost most, as many as fit beside the picture."""
_MONEY = ("expected", "day_ahead_surprise", "second_price_surprise", "other", "costs", "net", "perfect")


@dataclass(frozen=True, slots=True, kw_only=True)
class DayMoney:
    """One strategy of a zone on a day; amounts in `currency`.

    The steps are None where an order has no forecast.
    """

    zone: str
    delivery_day: date
    strategy: str
    mode: str
    currency: str
    n_orders: int
    n_filled: int
    expected: float | None
    """Filled power at the prices that were forecast, before costs."""
    day_ahead_surprise: float | None
    second_price_surprise: float | None
    other: float | None
    costs: float
    """Fees, slippage, imbalance and wear, as a negative number."""
    net: float
    perfect: float | None

    def row(self) -> dict[str, Any]:
        """The row of a table or of JSON."""
        return asdict(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class DayExplained:
    """A day with its money, its worst units, and facts in words; every list may be empty."""

    zone: str
    delivery_day: date
    money: list[DayMoney]
    units: list[dict[str, Any]]
    facts: list[str]


def explain_day(desk: Desk, zone: str, day: date) -> DayExplained:
    """Why the champion's signals of a zone earned what they did on a day.

    Without money where nothing is settled.

    Raises:
        ConfigurationError: there is no such zone.
    """
    settled = desk.table("settlements", zone=zone, first_day=day, last_day=day)
    signals = desk.signals(zone=zone, first_day=day, last_day=day)
    steps = _steps(settled.filter(pl.col("role") == "champion"), signals)
    return DayExplained(
        zone=zone,
        delivery_day=day,
        money=_money(steps, zone, day),
        units=_units(steps, zone),
        facts=[*_forecast_facts(desk, zone, day), *_limit_facts(desk, zone, day)],
    )


def _steps(settled: pl.DataFrame, signals: pl.DataFrame) -> pl.DataFrame:
    """Settled units with the steps from expected to net, in the currency of the unit."""
    told = signals.select(
        "signal_id", "expected_price_eur_per_mwh", "expected_reference_eur_per_mwh", "reasons"
    )
    energy = pl.col("exposure_mw") * pl.col("resolution_minutes") / 60
    has_second = pl.col("reference_price_eur_per_mwh").is_not_null()
    second = pl.col("expected_reference_eur_per_mwh")
    surprise = pl.col("reference_price_eur_per_mwh") - second
    costs = pl.sum_horizontal("fees_eur", "slippage_eur", "imbalance_cost_eur", "degradation_eur")
    rows = settled.join(told, on="signal_id", how="left").with_columns(
        expected=energy
        * (pl.when(has_second).then(second).otherwise(0.0) - pl.col("expected_price_eur_per_mwh")),
        day_ahead_surprise=energy
        * (pl.col("expected_price_eur_per_mwh") - pl.col("day_ahead_price_eur_per_mwh")),
        second_price_surprise=energy * pl.when(has_second).then(surprise).otherwise(0.0),
        costs=-costs,
        net=pl.col("pnl_eur"),
        perfect=pl.col("perfect_foresight_eur"),
    )
    idle = pl.col("exposure_mw") == 0
    names = ("expected", "day_ahead_surprise", "second_price_surprise")
    rows = rows.with_columns(pl.when(idle).then(0.0).otherwise(pl.col(name)).alias(name) for name in names)
    return rows.with_columns(other=pl.col("gross_pnl_eur") - sum(pl.col(name) for name in names))


def _money(steps: pl.DataFrame, zone: str, day: date) -> list[DayMoney]:
    found = []
    for key, rows in steps.group_by("strategy", "mode", "currency", maintain_order=True):
        strategy, mode, currency = (str(part) for part in key)
        sums = {name: _whole_sum(rows[name]) for name in _MONEY}
        found.append(
            DayMoney(
                zone=zone,
                delivery_day=day,
                strategy=strategy,
                mode=mode,
                currency=currency,
                n_orders=int((rows["side"] != "flat").sum()),
                n_filled=int((rows["filled_mwh"] > 0).sum()),
                expected=sums["expected"],
                day_ahead_surprise=sums["day_ahead_surprise"],
                second_price_surprise=sums["second_price_surprise"],
                other=sums["other"],
                costs=round(float(rows["costs"].sum()), 2),
                net=round(float(rows["net"].sum()), 2),
                perfect=sums["perfect"],
            )
        )
    return sorted(found, key=lambda row: row.net)


def _whole_sum(column: pl.Series) -> float | None:
    return None if column.null_count() else round(float(column.sum()), 2)


def _units(steps: pl.DataFrame, zone: str) -> list[dict[str, Any]]:
    """The units that moved the money most, losses and gains, largest first."""
    shown = steps.filter(pl.col("side") != "flat").sort(pl.col("net").abs(), descending=True)
    columns = shown.head(_WORST_UNITS).select(
        local_time(zone).dt.strftime("%H:%M").alias("local"),
        "strategy",
        "side",
        "volume_mw",
        day_ahead="day_ahead_price_eur_per_mwh",
        forecast="expected_price_eur_per_mwh",
        second="reference_price_eur_per_mwh",
        second_forecast="expected_reference_eur_per_mwh",
        net="net",
        reasons="reasons",
    )
    return columns.to_dicts()


def _forecast_facts(desk: Desk, zone: str, day: date) -> list[str]:
    """The error of the day beside that of the days before, its sign, and the coverage."""
    first = day - timedelta(days=USUAL_DAYS)
    rows = desk.forecasts(zone=zone, first_day=first, last_day=day, role="champion")
    rows = rows.drop_nulls("price_eur_per_mwh").with_columns(
        error=pl.col("price_point_eur_per_mwh") - pl.col("price_eur_per_mwh"),
        is_inside=pl.col("price_eur_per_mwh").is_between("price_q100_eur_per_mwh", "price_q900_eur_per_mwh"),
    )
    own, before = (
        rows.filter(test) for test in (pl.col("delivery_day") == day, pl.col("delivery_day") < day)
    )
    if own.is_empty():
        return ["the champion has no forecast of this day whose price is known"]
    version, n_above = ", ".join(own["model_version"].unique().sort()), int((own["error"] < 0).sum())
    n_days = before["delivery_day"].n_unique()
    usual = (
        f"; on the {n_days} forecast days of the four weeks before {_mean_error(before):.2f}"
        if n_days
        else ""
    )
    return [
        f"the forecast of version {version} was {_mean_error(own):.2f} EUR/MWh off on average{usual}",
        f"the price was above the forecast in {n_above} of {own.height} units",
        f"it was inside the 80 % interval in {int(own['is_inside'].sum())} of {own.height} units",
    ]


def _mean_error(rows: pl.DataFrame) -> float:
    """Mean absolute error in EUR/MWh of rows that have an error."""
    return float(rows["error"].abs().sum()) / rows.height


def _limit_facts(desk: Desk, zone: str, day: date) -> list[str]:
    """Events of limits and states of the day, each once."""
    events = desk.table("risk_events", zone=zone, first_day=day, last_day=day)
    details = events.filter(pl.col("role") == "champion")["detail"].unique(maintain_order=True).to_list()
    return details or ["no limit changed an order"]
