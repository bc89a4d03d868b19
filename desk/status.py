"""`spotdesk status`: one screen that says whether the desk can trade tomorrow, and what wants a person."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import polars as pl
import typer

from desk.console import JsonFlag, as_facts, as_table, emit_json, out
from resources.environments import Environment, desk_settings, read_environment
from resources.lake import Lake
from resources.trading_state import TradingStateStore
from resources.wiring import make_lake
from spot.contracts.monitoring_tables import MONITOR_TABLES
from spot.market.gates import gate_closure_utc

_NEWEST = ("day_ahead_prices", "load_forecasts", "day_ahead_features", "day_ahead_forecasts", "signals", "settlements")
_OPEN = ("requested", "running", "failed", "abandoned")


def status(
    *,
    verify: Annotated[bool, typer.Option("--verify", help="Compare every stored data file with its checksum; exit 1 if one is damaged.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Trading state, newest data, serving model, state of every monitor, open retrain requests and alerts of every zone."""
    environment = read_environment()
    lake = make_lake(environment)
    now = datetime.now(UTC)
    zones = [_zone_status(lake, environment, zone, now) for zone in desk_settings(environment).zones]
    alerts = lake.read("alerts").filter(pl.col("raised_at_utc") >= now - timedelta(days=7)).sort("raised_at_utc", descending=True)
    checks = [] if not verify else [{"table": v.table, "files": v.n_files, "damaged": list(v.damaged), "lost": list(v.lost)} for v in lake.verify()]
    record = TradingStateStore(environment.trading_state).record("desk")
    state = record.state.name
    if as_json:
        emit_json({"environment": environment.name, "trading_state": state, "zones": zones, "alerts": alerts.to_dicts(), "files": checks})
    else:
        _print(environment, f"{state} {record.reason}".rstrip(), zones, alerts, checks)
    if any(check["damaged"] or check["lost"] for check in checks):
        raise typer.Exit(1)


def _zone_status(lake: Lake, environment: Environment, zone: str, now: datetime) -> dict[str, Any]:
    newest = {table: _newest_day(lake.read(table, zones=[zone])) for table in _NEWEST}
    requests = lake.read("retrain_requests").filter(pl.col("zone") == zone, pl.col("status").is_in(_OPEN))
    forecasts = lake.read("day_ahead_forecasts", zones=[zone]).filter(pl.col("role") == "champion").sort("delivery_start_utc")
    monitors = {name: _worst(_newest(lake.read(table, zones=[zone]))) for name, table in MONITOR_TABLES.items()}
    next_gate = min(gate for day in range(3) if (gate := gate_closure_utc(zone, now.date() + timedelta(days=day))) > now)
    return {
        "zone": zone,
        "trading_state": TradingStateStore(environment.trading_state).state(zone).name,
        "next_gate_utc": next_gate,
        "champion": forecasts["model_version"][-1] if forecasts.height else None,
        "source": forecasts["source"][-1] if forecasts.height else None,
        **{f"newest_{table}": day for table, day in newest.items()},
        **{name.replace(" ", "_"): status for name, status in monitors.items()},
        "open_retrains": requests.height,
    }


def _newest_day(rows: pl.DataFrame) -> Any:
    return rows["delivery_day"].max()


def _newest(rows: pl.DataFrame) -> pl.DataFrame:
    """Verdicts of the newest judged day."""
    return rows.filter(pl.col("delivery_day") == pl.col("delivery_day").max())


def _worst(rows: pl.DataFrame) -> str | None:
    found = set(rows["status"].to_list())
    return next((state for state in ("alert", "cannot_see", "ok") if state in found), None)


def _print(environment: Environment, state: str, zones: list[dict[str, Any]], alerts: pl.DataFrame, checks: list[dict[str, Any]]) -> None:
    out.print(f"environment {environment.name}, state in {environment.home}, desk [bold]{state}[/bold]")
    out.print(as_facts(zones, by="zone"))
    for check in checks:
        verdict = "damaged or lost: " + ", ".join([*check["damaged"], *check["lost"]]) if check["damaged"] or check["lost"] else "sound"
        out.print(f"{check['table']}: {check['files']} files, {verdict}")
    if alerts.height:
        out.print(
            as_table(alerts.select("raised_at_utc", "severity", "zone", "kind", "message").head(10).to_dicts(), title="alerts of the last 7 days")
        )
    else:
        out.print("no alerts in the last 7 days")
    if all(zone["newest_day_ahead_forecasts"] is None for zone in zones):
        out.print("nothing has run yet: begin with [bold]spotdesk demo[/bold] or [bold]spotdesk run[/bold]")
