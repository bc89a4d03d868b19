"""`spotdesk live` and `paper`: a person says whether this desk may send the orders of a zone."""

from typing import Annotated

import typer

from desk.screen.console import JsonFlag, emit, out
from resources.identity.person import recorded_name
from resources.settings.desk import desk_settings
from resources.settings.environment import read_environment
from resources.trading.leases import LeaseStore
from resources.wall_clock import utc_now
from spot.errors import ConfigurationError
from spot.market.zones import find_zone

_Zone = Annotated[str, typer.Option("--zone", help="Bidding zone.")]
_By = Annotated[str, typer.Option("--by", help="Who decides.")]
_Reason = Annotated[str, typer.Option("--reason", help="Why, for the record.")]


def live(zone: _Zone, by: _By, reason: _Reason, *, as_json: JsonFlag = False) -> None:
    """Let this desk, and no copy of it, send the orders of a zone.

    The zone gets a lease. Its number stands in every message, and a receiver that has seen it refuses any
    lower number. Only signals decided from now on are sent. `live: true` must stand in `conf/zones.yaml`.

    Exit code 2: the zone stays on paper.
    """
    environment, name = read_environment(), find_zone(zone).name
    settings = desk_settings(environment).zones.get(name)
    if settings is None or not settings.live:
        raise ConfigurationError(
            f"zone {name} is on paper by its settings: set `live: true` for it in"
            f" {environment.conf_folder / 'zones.yaml'} first"
        )
    lease = LeaseStore(environment.home).give(name, by=by and recorded_name(by), reason=reason, now=utc_now())
    row = {"zone": name, "lease": lease.number, "desk_id": lease.desk_id, "since_utc": lease.since_utc}
    if as_json:
        emit([row], as_json=True)
        return
    out.print(
        f"{name} is live: desk {lease.desk_id} has lease {lease.number}. A running `spotdesk dev` uses it"
        " from its next run",
        soft_wrap=True,
    )


def paper(zone: _Zone, by: _By, reason: _Reason) -> None:
    """Let this desk trade a zone on paper: it gives its lease back, and no order is sent any more."""
    environment, name = read_environment(), find_zone(zone).name
    LeaseStore(environment.home).give_back(name, by=by and recorded_name(by), reason=reason, now=utc_now())
    out.print(f"{name} is on paper: this desk sends no order of it")
