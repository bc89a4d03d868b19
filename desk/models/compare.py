"""`spotdesk compare`: two versions of a zone compared, in error and in money."""

from datetime import date, datetime
from pathlib import Path
from typing import Annotated

import polars as pl
import typer

from desk.models.family import Family, FamilyOption, registry_of
from desk.screen.console import DAY_FORM, JsonFlag, a_day, as_table, emit_json, out
from desk.screen.report import Picture, Report, Section, render_report, table_of
from resources.settings.desk import desk_resource
from resources.settings.environment import read_environment
from resources.wall_clock import utc_now
from resources.wiring import make_lake, make_registry
from spot.contracts.lineage import Lineage
from spot.errors import ConfigurationError
from spot.lifecycle.comparison import comparison_in_words, daily_comparison
from spot.market.zones import find_zone
from workflows.lifecycle.compare import Comparison, comparable_days, compare_zone
from workflows.lifecycle.compare_spread import compare_spread
from workflows.lifecycle.families import PRICE, SPREAD

_FAMILIES = {Family.PRICE: PRICE, Family.SPREAD: SPREAD}

_HEADINGS = {
    "label": "",
    "n_days": "days",
    "mae_a_eur_per_mwh": "MAE A, EUR/MWh",
    "mae_b_eur_per_mwh": "MAE B",
    "pinball_a_eur_per_mwh": "pinball A",
    "pinball_b_eur_per_mwh": "pinball B",
    "pnl_a_eur": "P&L A, EUR",
    "pnl_b_eur": "P&L B, EUR",
}


def compare(
    *,
    zone: Annotated[str, typer.Option("--zone", help="Bidding zone.")],
    versions: Annotated[
        tuple[str, str],
        typer.Option("--versions", help="Two versions, A then B; champion names the serving version."),
    ],
    model: FamilyOption = Family.PRICE,
    first_day: Annotated[
        datetime | None,
        typer.Option("--from", parser=a_day, metavar=DAY_FORM, help="First day; by default 56 days back."),
    ] = None,
    last_day: Annotated[
        datetime | None, typer.Option("--to", parser=a_day, metavar=DAY_FORM, help="Last day, included.")
    ] = None,
    html: Annotated[Path | None, typer.Option("--report", help="Write the report as one HTML page.")] = None,
    as_json: JsonFlag = False,
) -> None:
    """Compare error and money of two versions on days from which neither learnt, by hour and month.

    Both versions forecast each day as of its gate, and the zone's strategies trade the forecasts on paper.
    Tests say which differences are significant. The result is kept in the table model_comparisons, or
    spread_comparisons for models of the spread.

    Exit code 2: the two versions cannot be compared.
    """
    name = find_zone(zone).name
    environment = read_environment()
    lake, registry = make_lake(environment), make_registry(environment)
    family = registry_of(environment, model)
    a, b = (family.version(name, version) for version in versions)
    if a.lineage != b.lineage:
        raise ConfigurationError(
            f"versions {a.version} and {b.version} are made of different data: {a.lineage} and {b.lineage}"
        )
    data = Lineage.parse(a.lineage)
    desk = desk_resource(environment, zones=[name], source=data.source, assume_known=data.assumed_known)
    readable = _FAMILIES[model].lineage(desk, name)
    if readable != a.lineage:
        raise ConfigurationError(
            f"zone {name}: data {a.lineage} of the versions cannot be read as {readable or 'any'}"
        )
    days = comparable_days(lake, a, b, first=_day(first_day), last=_day(last_day))
    compare_both = compare_spread if model is Family.SPREAD else compare_zone
    found = compare_both(
        (a, b), days, lake, desk, registry, state_folder=environment.trading_state, now=utc_now()
    )
    if html is not None:
        html.write_text(render_report(comparison_report(found, a.lineage)), encoding="utf-8")
    if as_json:
        emit_json(found.rows.to_dicts())
        return
    out.print(f"zone {name}, {days[0]} to {days[-1]}, data {a.lineage}: A is {a.label}, B is {b.label}")
    for part in ("total", "month", "hour"):
        shown = found.rows.filter(pl.col("slice") == part).select(_HEADINGS.keys()).rename(_HEADINGS)
        out.print(as_table(shown.to_dicts(), title=part))
    out.print(comparison_in_words(found.rows))


def comparison_report(found: Comparison, lineage: str) -> Report:
    """The comparison as a page with pictures."""
    from resources.pictures.comparison import cumulated_gain, error_by_hour

    daily = daily_comparison(found.zone, found.a, found.b)
    a, b, simulated = found.a.version, found.b.version, Lineage.parse(lineage).is_simulated
    pictures = (
        Picture(
            error_by_hour(found.rows, is_simulated=simulated),
            f"mean absolute error by hour of versions {a} and {b}",
            "Error by local hour",
        ),
        Picture(
            cumulated_gain(daily, is_simulated=simulated),
            f"gain of version {a} over version {b}, day by day",
            "Gain of A over B",
        ),
    )
    tables = tuple(
        table_of(found.rows.filter(pl.col("slice") == part), part, headings=_HEADINGS)
        for part in ("total", "month", "hour")
    )
    return Report(
        title=f"{found.zone}: version {a} and version {b}",
        summary=f"{found.days[0]} to {found.days[-1]}, data {lineage}. {comparison_in_words(found.rows)}",
        sections=(Section("Side by side", tables=tables, pictures=pictures),),
        badge="SIMULATED" if simulated else "",
    )


def _day(instant: datetime | None) -> date | None:
    return None if instant is None else instant.date()
