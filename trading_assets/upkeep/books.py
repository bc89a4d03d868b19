"""The books, verified each day: whether anything that they pin was changed."""

import time
from contextvars import Context

from dagster import (
    AssetCheckExecutionContext,
    AssetCheckResult,
    AssetCheckSeverity,
    AssetExecutionContext,
    AssetSelection,
    MaterializeResult,
    define_asset_job,
)

from resources.books.begin import keep_books
from resources.books.chain import Chain
from resources.books.leaving import newest_head
from resources.books.verification.verdict import Verdict
from resources.books.verification.verify import verify
from resources.clock import Clock
from resources.settings.at_use import books_place
from resources.settings.environment import Environment, read_environment
from resources.trading.alerts import Alerts
from spot.books.record import Head
from trading_assets.frame.declared import AssetResult, declared_asset, declared_check

WAIT_SECONDS = (5.0, 20.0)
"""Waits before the books are read again where something was found. A change has its record long before."""
_SHOWN = 8
"""Findings that the check names; `spotdesk books verify` names all."""


@declared_asset(per="desk", group="monitoring", kinds={"jsonl"})
def books_verification(context: AssetExecutionContext, alerts: Alerts, clock: Clock) -> AssetResult:
    """Whether anything was changed that the signed books pin, since the newest head that left the desk.

    It reads every file of the ledger, the registry, the accepted settings and the log of the stop button. A
    change is an alert, and the check is red until a person has taken it over or mended it.
    """
    verdict = verdict_now()
    if not verdict.is_sound:
        message = f"the books do not verify: {verdict.first}"
        alerts.send("books_changed", message, severity="critical", now=clock.now())
    context.log.info("%d records, %d findings", verdict.n_records, len(verdict.findings))
    head = "" if verdict.head is None else str(verdict.head)
    return MaterializeResult(
        metadata={"records": verdict.n_records, "late_records": verdict.n_late, "head": head}
    )


@declared_check(asset="books_verification", description="Nothing was changed that the signed books pin.")
def the_books_verify(context: AssetCheckExecutionContext) -> AssetCheckResult:
    """Reads everything once more: the check can be started by itself."""
    verdict = verdict_now()
    found = [f"record {one.number}: {one.what}" for one in verdict.findings] + list(verdict.unproved)
    context.log.info("%d findings", len(found))
    return AssetCheckResult(
        passed=verdict.is_sound,
        severity=AssetCheckSeverity.ERROR,
        description="; ".join(found[:_SHOWN]) or None,
        metadata={"findings": len(found)},
    )


def verdict_now() -> Verdict:
    """What stays found: others write while this reads, and a change whose record came later is none.

    Books that were never begun are begun first.

    Raises:
        ConfigurationError: the chain, or the registry, cannot be read at all.
        SourceUnavailableError: the place that `SPOTDESK_BOOKS_URI` names does not answer.
    """
    environment = read_environment()
    if not Chain(environment.home).is_begun:
        Context().run(keep_books, environment)
    place = books_place(environment)
    head = None if place is None else newest_head(place)
    verdict = _apart(environment, head)
    for wait in WAIT_SECONDS:
        if verdict.is_sound:
            break
        time.sleep(wait)
        verdict = _apart(environment, head)
    return verdict


def _apart(environment: Environment, head: Head | None) -> Verdict:
    """The verdict, outside of what the asset may read: files are compared, and no row of theirs is used."""
    return Context().run(verify, environment, head=head)


BOOKS_JOBS = (
    define_asset_job(
        "books_verified",
        selection=AssetSelection.assets("books_verification"),
        description="The books verify: nothing that they pin was changed.",
        tags={"dagster/max_runtime": "7200", "dagster/priority": "-10", "spotdesk/kind": "maintenance"},
    ),
)
