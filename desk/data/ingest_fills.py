"""A report of the exchange into the ledger: fills, rejections and trades, compared at once with what left."""

from pathlib import Path
from typing import Any, Literal

from desk.data.analysts import publish_tables
from desk.screen.console import emit, err
from resources.settings.environment import read_environment
from resources.trading.alerts import Alerts
from resources.wall_clock import utc_now
from resources.wiring import make_lake
from spot.contracts.days import first_day, last_day
from spot.contracts.fill_tables import EXCHANGE_FILLS
from spot.errors import ContractError
from spot.market.delivery import ZoneDays
from spot.sources.files.fill_files import is_fill_report, parse_fills
from workflows.decisions.exchange import alert_on_fills, compared_fills


def kind_of_report(file: Path) -> Literal["csv", "json"] | None:
    """The form in which the file reports fills; None where it is market data."""
    if file.suffix.lower() == ".json":
        return "json"
    if file.suffix.lower() != ".csv":
        return None
    with file.open("rb") as opened:
        return "csv" if is_fill_report(opened.readline(4096)) else None


def ingest_fills(file: Path, kind: Literal["csv", "json"], zone: str, *, as_json: bool) -> None:
    """Keep the rows of the report, say what was new, and raise an alert where it differs from what left.

    Raises:
        ContractError: the report is damaged, or contradicts one of the same instant; nothing was added.
    """
    rows = parse_fills(file.read_bytes(), kind, file.name, zone)
    now = utc_now()
    if ahead := [one for one in rows["available_at_utc"] if one > now]:
        raise ContractError(f"{file.name}: reported at {ahead[0]}, which is still to come; nothing was added")
    environment = read_environment()
    lake = make_lake(environment)
    written = lake.append_only(EXCHANGE_FILLS.name, rows)
    span = ZoneDays(rows["zone"][0], first_day(rows), last_day(rows))
    compared = compared_fills(span, lake)
    alerts = Alerts(lake=lake, asks_environment=bool(environment.webhook_url.get_secret_value()))
    alert_on_fills(compared, alerts, now=now)
    publish_tables(environment)
    n_differ = int((compared["difference"] != "").sum())
    report: dict[str, Any] = {
        "table": EXCHANGE_FILLS.name,
        "rows": rows.height,
        "new": written.n_new,
        "known": written.n_known,
        "units_that_differ": n_differ,
    }
    emit([report], as_json=as_json, title=f"{file.name} -> {span.zone}")
    if n_differ:
        err.print("what differs: `spotdesk fills --differences`", markup=False)
