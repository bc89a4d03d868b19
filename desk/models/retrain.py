"""`spotdesk retrain`: a person requests a new version."""

from dataclasses import asdict, replace
from datetime import date, datetime, timedelta
from typing import Annotated

import typer
from dagster import DagsterInstance

from desk.in_process import ChainFailedError, ChainRunner, train_zone
from desk.screen.console import DAY_FORM, JsonFlag, a_day, emit_json, err, out
from resources.identity.person import recorded_name
from resources.instance.prepare import prepare_dagster_home
from resources.plugins.sources import is_live
from resources.settings.desk import desk_resource
from resources.settings.environment import read_environment
from resources.settings.policies import monitoring_settings
from resources.wall_clock import utc_now
from resources.wiring import make_lake
from spot.contracts.days import last_day_or_none
from spot.errors import ConfigurationError
from spot.features.matrix import HISTORY_DAYS
from spot.lifecycle.retraining import RetrainCause, decide_retrains, mark
from spot.market.delivery import delivery_day_of
from spot.market.zones import find_zone
from trading_assets.partitions import partition_key
from workflows.lifecycle.retrain_requests import close_request, read_requests, write_requests


def retrain(
    *,
    zone: Annotated[str, typer.Option("--zone", help="Bidding zone.")],
    by: Annotated[str, typer.Option("--by", help="Your name, for the record.")],
    reason: Annotated[str, typer.Option("--reason", help="Why, for the record.")],
    through: Annotated[
        datetime | None,
        typer.Option(
            "--to",
            parser=a_day,
            metavar=DAY_FORM,
            help="Newest day to use; the newest with prices by default.",
        ),
    ] = None,
    queue: Annotated[
        bool, typer.Option("--queue", help="Only make the request: the running desk (spotdesk dev) trains.")
    ] = False,
    as_json: JsonFlag = False,
) -> None:
    """Train a new version of a zone's models and judge it.

    It trains the model of the price, and that of the spread where a strategy needs one. The new version
    becomes a candidate. Whether it serves is decided on evidence (`spotdesk models`).

    Exit code 1: no retrain was started. Exit code 2: a setting or an option forbids it.
    """
    name, environment, now = find_zone(zone).name, read_environment(), utc_now()
    desk, lake = desk_resource(environment, zones=[name]), make_lake(environment)
    if queue and not (name in desk.zones and desk.zone(name).is_scheduled):
        raise ConfigurationError(
            f"zone {name} has no schedule (conf/zones.yaml), so nothing would train it: leave out --queue"
        )
    cause = RetrainCause(
        zone=name, kind="person", detail=f"{recorded_name(by)}: {reason}", observed_at_utc=now
    )
    decision = decide_retrains(
        read_requests(lake, name), [cause], now=now, settings=monitoring_settings(desk).retraining
    )
    asked = [
        request for request in decision.launch if request.requested_at_utc == now
    ]  # not an older one that is due again
    if not asked:
        err.print(
            f"no retrain: {'; '.join(s.reason for s in decision.suppressed)}; a running `spotdesk dev`"
            " retries open requests, or gives them up"
        )
        raise typer.Exit(1)
    # The desk's sensor starts a queued request at its next look. It starts a request that is trained here
    # only if this process dies silently.
    request = replace(asked[-1], n_attempts=0) if queue else mark(asked[-1], "running", now=now)
    write_requests(lake, [request])
    if queue:
        if as_json:
            emit_json(asdict(request))
        else:
            out.print(f"request {request.request_id} is queued")
        return
    prepare_dagster_home(environment)
    with DagsterInstance.get() as instance:
        runner = ChainRunner(environment, desk, instance)
        last = (
            through.date()
            if through
            else last_day_or_none(lake.read("day_ahead_prices", zones=[name])) or delivery_day_of(name, now)
        )
        _load_history(runner, name, last)
        try:
            train_zone(runner, name, last, cause="person", detail=cause.detail, request_id=request.request_id)
        except ChainFailedError:
            close_request(lake, request, "failed", now=utc_now())
            raise
    close_request(lake, request, "succeeded", now=utc_now())
    price, spread = (
        [
            f"{version.version} ({version.stage})"
            for version in runner.report.trained
            if version.is_spread is of
        ]
        for of in (False, True)
    )
    if as_json:
        emit_json({"request": request.request_id, "versions": price, "spread_versions": spread})
        return
    made = [f"{version.label} ({version.stage})" for version in runner.report.trained]
    text = ", ".join(made) or "the version exists already: there is nothing new to learn"
    out.print(f"request {request.request_id}: {text}")


def _load_history(runner: ChainRunner, zone: str, last: date) -> None:
    """Make features of what the ledger and the files hold, where the newest days have none yet.

    Rows that were ingested or lie in the folder of files are not features before a run has made them.
    """
    settings, newest = runner.desk.zone(zone), runner.lake.newest_day("day_ahead_features", zone)
    if is_live(settings.source) or (newest is not None and newest >= last):
        return
    since = last - timedelta(days=settings.training_days + settings.evaluation_days + HISTORY_DAYS)
    runner.run("history_loaded", partition_key(zone, last), first_day=since)
