"""`spotdesk replay`: make a past signal or forecast again from its row, and show the differences."""

from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any

import polars as pl
import typer

from desk.screen.console import DAY_FORM, JsonFlag, a_day, emit_json, err, out
from resources.settings.desk import desk_resource
from resources.settings.environment import read_environment
from resources.wiring import make_lake, make_registry
from spot.errors import ConfigurationError
from spot.market.zones import find_zone
from workflows.decisions.backtest_setup import settings_of_source
from workflows.decisions.replay import replay_signal


def replay(
    *,
    signal: Annotated[
        str | None, typer.Option("--signal", help="Id of a signal; it may be cut short.")
    ] = None,
    zone: Annotated[
        str | None,
        typer.Option("--zone", help="With --day: the champion's forecast and signals of that day."),
    ] = None,
    day: Annotated[
        datetime | None,
        typer.Option("--day", parser=a_day, metavar=DAY_FORM, help="Delivery day, with --zone."),
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Make a stored signal again and compare it with the stored rows.

    It uses the registered model, the inputs as known then, the strategy and the limits.

    On the machine that made it, the replay is equal bit for bit. If it is not, the command names the columns
    and the known reasons: revised inputs, changed code, settings or limits.

    Exit code 1: the replay differs, or there is no such signal.
    """
    environment = read_environment()
    lake = make_lake(environment)
    rows = _find_rows(
        lake.read("signals", zones=None if zone is None else [find_zone(zone).name]), signal, zone, day
    )
    registry = make_registry(environment)
    every = [
        replay_signal(
            row,
            lake,
            desk_resource(environment, zones=[row["zone"]], **settings_of_source(row["source"])),
            registry,
            environment.trading_state,
        )
        for row in rows
    ]
    # The strategies of a day use one forecast, so it is shown once.
    verdicts = list({verdict.what: verdict for of_row in every for verdict in of_row}.values())
    if as_json:
        emit_json([{**asdict(verdict), "is_equal": verdict.is_equal} for verdict in verdicts])
    for verdict in [] if as_json else verdicts:
        out.print(
            f"{'equal bit for bit' if verdict.is_equal else 'DIFFERS'}: {verdict.what}, {verdict.n_rows}"
            " rows",
            highlight=False,
        )
        for text in verdict.differences:
            out.print(f"  {text}", highlight=False, markup=False)
    if not verdicts or not all(verdict.is_equal for verdict in verdicts):
        raise typer.Exit(1)


def _find_rows(
    signals: pl.DataFrame, signal: str | None, zone: str | None, day: datetime | None
) -> list[dict[str, Any]]:
    """The row of the signal, or one of each strategy of the day."""
    if signal is not None:
        found = signals.filter(pl.col("signal_id").str.starts_with(signal))
    elif zone is not None and day is not None:
        of_day = signals.filter(pl.col("delivery_day") == day.date(), pl.col("role") == "champion")
        found = of_day.sort("strategy", "delivery_start_utc").unique(
            ["strategy", "model_version"], keep="first", maintain_order=True
        )
    else:
        raise ConfigurationError("no signal is named: give --signal ID, or --zone Z --day D")
    if found.is_empty():
        err.print("no such signal; spotdesk signals --zone Z --day D lists those of a day")
        raise typer.Exit(1)
    n_signals = found["signal_id"].n_unique()
    if signal is not None and n_signals > 1:
        raise ConfigurationError(f"{n_signals} signals begin with {signal}: give more of the id")
    return found.to_dicts()
