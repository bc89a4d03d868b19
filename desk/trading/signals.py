"""`spotdesk signals`: what to buy and sell on a delivery day, at which limit, and why.

Each signal says until when it holds.
"""

from datetime import date, datetime, timedelta
from typing import Annotated, Any

import numpy as np
import polars as pl
import typer

from desk.screen.console import DAY_FORM, JsonFlag, a_day, emit_json, err, out
from desk.screen.console import as_table as table
from resources.lake.lake import Lake
from resources.settings.desk import desk_resource, desk_settings
from resources.settings.environment import Environment, read_environment
from resources.trading.orders_to_send import orders_to_send
from resources.trading.state import TradingStateStore
from resources.wall_clock import utc_now
from resources.wiring import make_lake, make_registry
from spot.contracts.block_tables import DAY_AHEAD_GROUPS
from spot.contracts.signal_tables import DAY_AHEAD_BLOCK
from spot.errors import ModelError
from spot.market.clock import local_time
from spot.market.delivery import delivery_day_of
from spot.market.gates import gate_closure_utc
from spot.market.zones import find_zone
from spot.strategy.outbox.standing import valid_signals
from spot.strategy.readiness.blocking import recorded_stopping_words
from spot.strategy.reasons import SIMILAR_DAYS, SPREAD

_HEADINGS = {
    "strategy": "strategy",
    "side": "side",
    "volume_mw": "MW",
    "limit_price_eur_per_mwh": "limit",
    "expected_price_eur_per_mwh": "forecast",
    "edge_eur_per_mwh": "edge",
    "probability_frac": "p",
}
"""Column to its heading on the screen; prices in EUR/MWh."""
_SHOWN_RANKS = 3
"""Chosen by hand: the largest reasons of a unit; `spotdesk sql` has all of them."""
_BAR_WIDTH = 24
"""Characters of the longest bar. Chosen by hand: bar, price and side fit 80 columns."""
_NOT_OF_A_PLAN = ("limit_price_eur_per_mwh", "edge_eur_per_mwh", "probability_frac")
"""Values that one unit of a battery's plan does not have. The line below the table gives them for the whole
plan.
"""


def signals(
    *,
    zone: Annotated[str, typer.Option("--zone", help="Bidding zone.")],
    day: Annotated[
        datetime | None,
        typer.Option("--day", parser=a_day, metavar=DAY_FORM, help="Delivery day; tomorrow by default."),
    ] = None,
    strategy: Annotated[str | None, typer.Option("--strategy", help="One strategy only.")] = None,
    explain: Annotated[
        bool,
        typer.Option(
            "--explain", help="Reasons of every unit, limits that were applied, and what moved the forecast."
        ),
    ] = False,
    flat: Annotated[bool, typer.Option("--flat", help="Show units without an order too.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Show the champion's signals for one zone and delivery day, as people have changed them.

    A signal is void after its `valid_until_utc`, the gate closure. Void signals are marked and must not be
    traded.

    Exit code 1: there is no signal. That is an alarm and not a flat position.
    """
    environment, name, now = read_environment(), find_zone(zone).name, utc_now()
    delivery_day = day.date() if day else _tomorrow(name, now)
    lake = make_lake(environment)
    rows = orders_to_send(lake, name, delivery_day, delivery_day).signals.filter(pl.col("role") == "champion")
    others = rows["strategy"].unique().sort().to_list()
    rows = rows if strategy is None else rows.filter(pl.col("strategy") == strategy)
    if rows.is_empty() and others:
        err.print(
            f"no signal of {strategy} for {name} on {delivery_day}: the strategies of that day are"
            f" {', '.join(others)}",
            soft_wrap=True,
        )
        raise typer.Exit(1)
    if rows.is_empty():
        make = _maker(environment, name, delivery_day, now)
        err.print(
            f"no signal for {name} on {delivery_day}: {make} makes them, `spotdesk status` says what is"
            " missing",
            soft_wrap=True,
        )
        raise typer.Exit(1)
    still_valid = valid_signals(rows, now=now)["signal_id"].implode()
    rows = rows.with_columns(is_void=~pl.col("signal_id").is_in(still_valid))
    state = TradingStateStore(environment.trading_state).state(name)
    why = _contributions(lake, environment, name, delivery_day) if explain else []
    if as_json:
        blocks = lake.read("block_orders", zones=[name], first_day=delivery_day, last_day=delivery_day)
        blocks = blocks.join(rows, on="signal_id", how="semi")
        emit_json(
            {
                "trading_state": state,
                "signals": rows.to_dicts(),
                "block_orders": blocks.to_dicts(),
                "contributions": why,
            }
        )
        return
    if state != "ACTIVE":
        out.print(f"[bold red]{name} is {state}[/bold red]: nothing new is sent")
    events, blocks = (
        lake.read(table_name, zones=[name], first_day=delivery_day, last_day=delivery_day).filter(
            pl.col("role") == "champion"
        )
        for table_name in ("risk_events", "block_orders")
    )
    _print(rows, events, blocks, explain=explain, flat=flat)
    for is_spread, what in ((False, "the forecast"), (True, "the expected spread")):
        if told := [_without_prefix(row) for row in why if row["feature"].startswith(SPREAD) is is_spread]:
            _print_contributions(told, what)


def _maker(environment: Environment, zone: str, day: date, now: datetime) -> str:
    """What makes the signals of a day, on the zone's data."""
    own = desk_settings(environment).zones.get(zone)
    if own is not None and own.live and now < gate_closure_utc(zone, day):
        return f"the schedule, or the job signals_ready of {zone} and {day} in `spotdesk dev`,"
    source = f"--source {own.source} " if own is not None and own.source != "simulated" else ""
    return f"`spotdesk run {source}--zone {zone} --from {day} --to {day}`"


def _tomorrow(zone: str, now: datetime) -> date:
    return delivery_day_of(zone, now) + timedelta(days=1)


def _contributions(lake: Lake, environment: Environment, zone: str, day: date) -> list[dict[str, Any]]:
    """What moved the forecast of each unit. It is computed now where the graph has not recorded it."""
    rows = lake.read("signal_reasons", zones=[zone], first_day=day, last_day=day).filter(
        pl.col("role") == "champion"
    )
    if rows.is_empty():
        from workflows.decisions.reasons import reasons_of_day

        try:
            desk = desk_resource(environment, zones=[zone])
            rows = reasons_of_day(zone, day, lake, desk, make_registry(environment))
        except (
            ModelError
        ) as error:  # the table has the reasons of each row; only what moved the forecast needs the model
            err.print(f"what moved the forecast cannot be shown: {error}")
        else:
            if rows.is_empty():
                err.print(
                    "what moved the forecast is not known: its model does not explain itself, or its inputs"
                    " are no longer stored"
                )
    # Strategies that trade the price share its reasons. A spread with a model of its own has others.
    is_spread = pl.col("feature").str.starts_with(SPREAD)
    of_price = rows.filter(~is_spread)
    one = pl.concat(
        [
            (
                of_price.filter(pl.col("strategy") == of_price["strategy"].first())
                if of_price.height
                else of_price
            ),
            rows.filter(is_spread),
        ]
    )
    local = local_time(zone).dt.strftime("%H:%M").alias("local")
    shown = one.sort("delivery_start_utc", "rank")
    return shown.select(
        "delivery_start_utc", local, "rank", "feature", "contribution_eur_per_mwh", "text"
    ).to_dicts()


def _without_prefix(row: dict[str, Any]) -> dict[str, Any]:
    """The name without the prefix of the spread, which the heading shows."""
    return {**row, "feature": row["feature"].removeprefix(SPREAD), "text": row["text"].removeprefix(SPREAD)}


def _print_contributions(why: list[dict[str, Any]], what: str) -> None:
    """The three largest reasons of each unit in words, then the day as a picture of bars.

    Units with the same reasons share a line.
    """
    before, usual = "", "day" if what == "the forecast" else "unit"
    for unit in dict.fromkeys(row["local"] for row in why):
        parts = [
            row["text"]
            for row in why
            if row["local"] == unit and row["feature"] != SIMILAR_DAYS and row["rank"] <= _SHOWN_RANKS
        ]
        text = "; ".join(parts)
        if text != before:
            out.print(
                f"  from {unit} {what.removeprefix('the ')} against a usual {usual}: {text}", soft_wrap=True
            )
        before = text
    alike = next((row["text"] for row in why if row["feature"] == SIMILAR_DAYS), "")
    if alike:
        out.print(f"  the day {alike}", soft_wrap=True)
    middle = "its middle, not the mean in the table; " if what == "the forecast" else ""
    out.print(
        f"what moved {what} against a usual {usual}, mean of the day, EUR/MWh ({middle}the five largest of"
        " each unit)",
        soft_wrap=True,
    )
    for line in bars(why, digits=1 if what == "the forecast" else 2):
        out.print(f"  {line}", soft_wrap=True, highlight=False)


def bars(why: list[dict[str, Any]], *, digits: int = 1) -> list[str]:
    """One line per family of inputs, the largest first.

    A bar to the right adds, a bar to the left subtracts; the mean follows.
    """
    n_units = len({row["local"] for row in why})
    sums: dict[str, float] = {}
    for row in why:
        if row["feature"] != SIMILAR_DAYS:
            sums[row["feature"]] = sums.get(row["feature"], 0.0) + row["contribution_eur_per_mwh"] / n_units
    widest, longest = max(map(abs, sums.values()), default=0.0), max(map(len, sums), default=0)
    lines = []
    for name, mean in sorted(sums.items(), key=lambda item: -abs(item[1])):
        blocks = "█" * round(_BAR_WIDTH * abs(mean) / widest) if widest else ""
        left, right = (blocks, "") if mean < 0 else ("", blocks)
        lines.append(f"{name:<{longest}} {left:>{_BAR_WIDTH}}|{right:<{_BAR_WIDTH}} {mean:+.{digits}f}")
    return lines


def _print(
    rows: pl.DataFrame, events: pl.DataFrame, blocks: pl.DataFrame, *, explain: bool, flat: bool
) -> None:
    zone, day = rows.select("zone", "delivery_day").row(0)
    first = rows.row(0, named=True)
    void = " [bold red]VOID: the gate has closed[/bold red]" if rows["is_void"].all() else ""
    out.print(
        f"[bold]{zone} {day}[/bold] {first['mode']}, model {first['model_name']} {first['model_version']},"
        f" data from {first['source']}, decided {first['as_of_utc']:%Y-%m-%d %H:%MZ}, valid until"
        f" {first['valid_until_utc']:%Y-%m-%d %H:%MZ}, state then {first['trading_state']}{void}"
    )
    local = local_time(zone).dt.strftime("%H:%M").alias("local")
    shown = rows if flat else rows.filter(pl.col("side") != "flat")
    # A battery's plan is traded as a whole. One hour of it has no edge and no probability of its own, and
    # takes any price.
    blank = pl.when(~pl.col("is_firm"))
    columns = [
        local,
        *(
            (blank.then(name) if name in _NOT_OF_A_PLAN else pl.col(name)).alias(heading)
            for name, heading in _HEADINGS.items()
        ),
    ]
    out.print(
        table(shown.select(columns).to_dicts(), title="prices in EUR/MWh")
        if shown.height
        else "flat in every unit"
    )
    if explain:
        for moment, strategy, side, reason in shown.select(local, "strategy", "side", "reasons").iter_rows():
            out.print(f"  {moment} {strategy} {side}: {reason}", soft_wrap=True)
    for (strategy,), own in rows.group_by("strategy", maintain_order=True):
        out.print(_summary(str(strategy), own))
        if own["is_firm"].all() and own["side"].ne("flat").any():
            out.print(_plan_line(own), soft_wrap=True)
        for line in (*_block_lines(own), *group_lines(own, blocks)):
            out.print(line, soft_wrap=True)
        if explain or own["side"].eq("flat").all():
            out.print(f"  limits that changed it: {own['limits_applied'][0] or 'none'}", soft_wrap=True)
        if own["side"].eq("flat").all():
            why = _why_flat(own, events.filter(pl.col("strategy") == strategy))
            out.print(f"  why flat: {why}", soft_wrap=True)


def _why_flat(own: pl.DataFrame, events: pl.DataFrame) -> str:
    """The reason that stopped the whole day, else the most frequent reason of its units."""
    blocked = "; ".join(f"blocked by {words}" for words in recorded_stopping_words(events))
    return blocked or str(own["reasons"].mode().sort()[0]).removeprefix("flat: ")


def _plan_line(own: pl.DataFrame) -> str:
    """A line on a battery's plan as a whole: the probability of a gain, and its price limits."""
    chance = own["probability_frac"].drop_nulls()
    gains = f"gains on {chance[0]:.0%} of past days moved to this forecast; " if len(chance) else ""
    limits = {
        side: own.filter(pl.col("side") == side)["limit_price_eur_per_mwh"].to_list()
        for side in ("buy", "sell")
    }
    reach = [
        f"{side}s {word} {pick(limits[side]):,.2f}"
        for side, word, pick in (("buy", "up to", min), ("sell", "down to", max))
        if limits[side]
    ]
    if own["market"][0] == DAY_AHEAD_GROUPS:
        return (
            f"  one plan in groups: {gains}the table has its likely hours, and the auction may choose others"
            " for the same energy:"
        )
    return (
        f"  one plan: {gains}takes any price inside the collar, {' and '.join(reach)} EUR/MWh (each unit's"
        " limit: --json)"
    )


def _block_lines(own: pl.DataFrame) -> list[str]:
    """A line on each block order: it is filled as a whole or not at all, and at which mean price."""
    lines = []
    for (side,), rows in own.filter(pl.col("market") == DAY_AHEAD_BLOCK, pl.col("side") != "flat").group_by(
        "side", maintain_order=True
    ):
        mean = np.average(rows["limit_price_eur_per_mwh"].to_numpy(), weights=rows["volume_mw"].to_numpy())
        word = "above" if side == "buy" else "below"
        lines.append(
            f"  one block of {rows.height} units: the {side} is filled as a whole, or not at all where"
            " their mean"
            f" price is {word} {mean:,.2f} EUR/MWh"
        )
    return lines


def group_lines(own: pl.DataFrame, blocks: pl.DataFrame) -> list[str]:
    """A line on each exclusive group: what the auction may choose, and where."""
    if own["market"][0] != DAY_AHEAD_GROUPS:
        return []
    hours = own["resolution_minutes"][0] / 60.0
    found = blocks.join(own, on="signal_id", how="semi").with_columns(
        local=local_time(own["zone"][0]).dt.strftime("%H:%M")
    )
    lines = []
    for (number,), rows in found.sort("block_group", "block", "delivery_start_utc").group_by(
        "block_group", maintain_order=True
    ):
        starts = rows.sort("delivery_start_utc")["local"]
        first = rows.filter(pl.col("block") == 1)
        likely = float(rows["probability_frac"].fill_null(0.0).to_numpy().max())
        lines.append(
            f"  group {number}: {rows['side'][0]}s {first['volume_mw'].sum() * hours:,.2f} MWh in one of"
            f" {rows['block'].n_unique()} blocks, units from {starts[0]} to {starts[-1]}; the likeliest on"
            f" {likely:.0%} of paths; limit {rows['limit_price_eur_per_mwh'][0]:,.2f} EUR/MWh"
        )
    return lines


def _summary(strategy: str, own: pl.DataFrame) -> str:
    """One line: energy by side, expected value and possible loss."""
    mwh = own["volume_mw"] * own["resolution_minutes"] / 60.0
    bought, sold = (mwh.filter(own["side"] == side).sum() for side in ("buy", "sell"))
    risk, shortfall = (
        float(own[name].fill_null(0.0).max() or 0.0)  # type: ignore[arg-type]
        for name in ("value_at_risk_eur", "expected_shortfall_eur")
    )
    version = own["strategy_model_version"][0]
    model = "" if version is None else f" (its own model: version {version})"
    return (
        f"{strategy}{model}: buys {bought:,.2f} MWh, sells {sold:,.2f} MWh, expected"
        f" {own['expected_value_eur'].sum():,.0f} EUR, 95 % value at risk {risk:,.0f} EUR, expected shortfall"
        f" {shortfall:,.0f} EUR"
    )
