"""`spotdesk worth`: what each input of a zone's model is worth, in error and in money."""

from datetime import datetime, timedelta
from typing import Annotated, Any

import typer

from desk.screen.console import DAY_FORM, JsonFlag, a_day, as_table, emit_json, out
from resources.settings.desk import desk_resource
from resources.settings.environment import read_environment
from resources.wiring import make_lake
from spot.errors import ConfigurationError
from spot.lifecycle.bootstrap import BootstrapResult
from spot.lifecycle.worth import STORAGE_HOURS, WorthReport
from spot.market.zones import find_zone
from workflows.lifecycle.worth import worth_of_zone

_DAYS = 182
"""Days that are compared unless the command says more. Chosen by hand: half a year has days enough for the
tests, and each input costs a training.
"""


def worth(
    *,
    zone: Annotated[str, typer.Option("--zone", help="Bidding zone.")],
    first_day: Annotated[
        datetime | None,
        typer.Option(
            "--from", parser=a_day, metavar=DAY_FORM, help="First day; by default half a year back."
        ),
    ] = None,
    last_day: Annotated[
        datetime | None,
        typer.Option("--to", parser=a_day, metavar=DAY_FORM, help="Last day; the newest with features."),
    ] = None,
    profile: Annotated[
        str | None, typer.Option("--profile", help="Profile in conf/models.  \\[default: as in zones.yaml]")
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Leave each input out in shadow, and print the difference in error and in money with its interval.

    A model learns from the days before the first one, with all inputs and without each, and walks the days as
    known at each gate. The money is that of a fixed storage schedule of one MW: four hours bought in the
    cheapest hours of the forecast, four sold in the dearest. Nothing is written.

        spotdesk worth --zone DE_LU

    Raises:
        ConfigurationError: the ledger has no features of the zone.
    """
    name, environment = find_zone(zone).name, read_environment()
    lake, desk = make_lake(environment), desk_resource(environment, zones=[name])
    newest = lake.newest_day("day_ahead_features", name)
    if newest is None:
        raise ConfigurationError(f"no features of {name} in the ledger: `spotdesk run` makes them")
    last = newest if last_day is None else last_day.date()
    first = last - timedelta(days=_DAYS - 1) if first_day is None else first_day.date()
    found = worth_of_zone(name, lake, desk, first=first, last=last, profile=profile)
    if as_json:
        emit_json({"zone": name, "from": first, "to": last, **worth_facts(found)})
        return
    rows = [_shown(row) for row in worth_facts(found)["inputs"]]
    out.print(as_table(rows, title=f"What each input of {name} is worth"))
    out.print(
        f"{found.n_days} days from {first} to {last}: mean absolute error {found.mae_eur_per_mwh:.3f}"
        f" EUR/MWh, {STORAGE_HOURS} hours of storage {found.storage_eur_per_day:.2f} EUR a day per MW",
        soft_wrap=True,
    )


def worth_facts(found: WorthReport) -> dict[str, Any]:
    """The report as plain values, intervals as lower and upper ends."""
    return {
        "n_days": found.n_days,
        "mae_eur_per_mwh": found.mae_eur_per_mwh,
        "storage_eur_per_day": found.storage_eur_per_day,
        "inputs": [
            {
                "input": one.name,
                "is_used": one.is_used,
                **_interval("error_eur_per_mwh", one.error),
                **_interval("money_eur_per_day", one.money),
            }
            for one in found.inputs
        ],
    }


def _interval(name: str, result: BootstrapResult) -> dict[str, float]:
    return {name: result.mean, f"{name}_low": result.low, f"{name}_high": result.high}


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    error, money = "error_eur_per_mwh", "money_eur_per_day"
    return {
        "left out": row["input"],
        "used": "yes" if row["is_used"] else "no",
        "error higher by, EUR/MWh": f"{row[error]:+.3f}",
        "90 % interval": f"{row[f'{error}_low']:+.3f} to {row[f'{error}_high']:+.3f}",
        "money lower by, EUR a day per MW": f"{row[money]:+.2f}",
        "90 % interval of money": f"{row[f'{money}_low']:+.2f} to {row[f'{money}_high']:+.2f}",
    }
