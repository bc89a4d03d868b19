"""`spotdesk explain-decision`: why a version was rejected, made challenger, promoted or rolled back."""

from typing import Annotated

import polars as pl
import typer

from desk.models.family import Family
from desk.screen.console import JsonFlag, emit_json, err, out
from resources.lake.lake import Lake
from resources.models.version import PRICE_FAMILY, SPREAD_FAMILY
from resources.settings.environment import read_environment
from resources.wiring import make_lake
from spot.errors import ConfigurationError
from spot.lifecycle.decision_record import explain_decision as decision_text
from spot.market.zones import find_zone

_DECISIONS = "promotion_decisions"


def explain_decision(
    decision: Annotated[
        str | None, typer.Argument(help="Id of the decision; all of the zone by default.")
    ] = None,
    *,
    zone: Annotated[str | None, typer.Option("--zone", help="Bidding zone.")] = None,
    version: Annotated[str | None, typer.Option("--version", help="Only decisions on this version.")] = None,
    model: Annotated[
        Family | None, typer.Option("--model", help="Only on models of the price, or of the spread.")
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Show why a version was rejected, made challenger, promoted or rolled back.

    It shows the evidence, the tests, the limits, and who decided. Exit code 1: there is no such decision.
    """
    rows = find_decisions(
        make_lake(read_environment()), decision=decision, zone=zone, version=version, model=model
    )
    if rows.is_empty():
        err.print("there is no such decision; spotdesk explain-decision --zone Z lists those of a zone")
        raise typer.Exit(1)
    if as_json:
        emit_json(rows.to_dicts())
        return
    for row in rows.iter_rows(named=True):
        out.print(f"[bold]{row['decision_id']}[/bold]", highlight=False)
        out.print(decision_text(row), highlight=False, markup=False)


def find_decisions(
    lake: Lake,
    *,
    decision: str | None = None,
    zone: str | None = None,
    version: str | None = None,
    model: Family | None = None,
) -> pl.DataFrame:
    """Rows of `promotion_decisions`, oldest first; an id may be shortened.

    Raises:
        ConfigurationError: neither an id nor a zone is given.
    """
    if decision is None and zone is None:
        raise ConfigurationError("no decision is named: give its id, or --zone")
    rows = lake.read(_DECISIONS, zones=None if zone is None else [find_zone(zone).name])
    if decision is not None:
        rows = rows.filter(pl.col("decision_id").str.starts_with(decision))
    if version is not None:
        # A rollback names the version that serves again. It is a decision on the withdrawn version too.
        is_withdrawn = (pl.col("action") == "rollback") & (pl.col("champion_version") == version)
        rows = rows.filter((pl.col("candidate_version") == version) | is_withdrawn.fill_null(value=False))
    if model is not None:
        # Decisions of older code name no model: all were on models of the price.
        family = SPREAD_FAMILY if model is Family.SPREAD else PRICE_FAMILY
        rows = rows.filter(pl.col("model").fill_null(PRICE_FAMILY).str.split(".").list.first() == family)
    # Among decisions of one instant, the older version was decided on first.
    return rows.sort(
        "decided_at_utc", pl.col("candidate_version").cast(pl.Int64, strict=False), "decision_id"
    )
