"""Days that the partitions page shows as materialised: those that have rows, and no others.

Dagster records the partitions of a run, whether or not they got rows, and no other day. So an asset of a zone
and a day records the other days of its run that have rows, before Dagster records the run's own. Its hook
removes the run's own where they have none. Days outside the partitions of the graph are left alone.
"""

import inspect
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from functools import wraps
from typing import Any

from dagster import (
    AssetExecutionContext,
    AssetKey,
    DagsterEvent,
    HookContext,
    HookDefinition,
    HookExecutionResult,
    MaterializeResult,
    MetadataValue,
)

from resources.instance.partition_events import Origin, forget, record, recorded_among
from resources.lake.lake import Lake
from spot.errors import ConfigurationError
from trading_assets.partitions import covered, days_of, partition_key

_EMPTY = "days_without_rows"
RowsPerDay = Callable[[Lake, str, date, date], Mapping[date, int]]
"""From zone, first and last day to the number of rows of each day that has any."""


def rows_of(tables: Sequence[str], source: str | None = None) -> RowsPerDay:
    """Numbers of rows of tables, or of one source in them."""

    def count(lake: Lake, zone: str, first: date, last: date) -> Mapping[date, int]:
        found: Counter[date] = Counter()
        for table in tables:
            found.update(lake.rows_per_day(table, zone=zone, first_day=first, last_day=last, source=source))
        return found

    return count


def with_days_recorded(body: Callable[..., Any], rows: Mapping[str, RowsPerDay]) -> Callable[..., Any]:
    """The body of a step that also records the days with rows of each asset in `rows`.

    An asset that the step does not make is one whose table gets rows from the step.

    Raises:
        ConfigurationError: the body has no parameter `lake`.
    """
    signature = inspect.signature(body)
    if not {"context", "lake"} <= set(signature.parameters):
        raise ConfigurationError(f"{body.__name__}: an asset of a zone and a day takes `context` and `lake`")

    def told(result: Any, given: inspect.BoundArguments) -> Any:
        context, lake = given.arguments["context"], given.arguments["lake"]
        made = [name for name in rows if AssetKey(name) in context.selected_asset_keys]
        name = result.asset_key.to_user_string() if result.asset_key else made[0]
        own = {str(key) for key in context.partition_keys}
        filled = record_days(context, lake, name, rows[name], but=own)
        for other in rows.keys() - made:
            record_days(context, lake, other, rows[other], but=set())
        return _with_empty_days(result, sorted(own - filled))

    @wraps(body)
    def run(*given: Any, **named: Any) -> Any:
        return told(body(*given, **named), signature.bind(*given, **named))

    @wraps(body)
    def run_step_by_step(*given: Any, **named: Any) -> Iterator[Any]:
        for result in body(*given, **named):
            yield told(result, signature.bind(*given, **named))

    return run_step_by_step if inspect.isgeneratorfunction(body) else run


def record_days(
    context: AssetExecutionContext, lake: Lake, name: str, rows: RowsPerDay, *, but: set[str]
) -> set[str]:
    """Record the days of the run that have rows, and remove those that have none; returns those with rows.

    `but` are partitions that Dagster records itself.
    """
    span, asset = covered(context), AssetKey(name)
    first, last = days_of(context.assets_def.partitions_def)
    found = rows(lake, span.zone, span.first_day, span.last_day)
    counts = {partition_key(span.zone, day): n for day, n in found.items()}
    keys = [partition_key(span.zone, day) for day in span.days if first <= day <= last]
    others = [key for key in keys if key not in but]
    known = recorded_among(context.instance, asset, others)
    origin = Origin(
        run_id=context.run.run_id,
        job_name=context.run.job_name,
        step_key=context.op_execution_context.op.name,
    )
    missing = {key: counts[key] for key in others if key in counts and key not in known}
    record(context.instance, asset, missing, origin, is_followed=bool(but))
    forget(context.instance, asset, [key for key in others if key in known and key not in counts])
    return set(counts)


def _with_empty_days(result: MaterializeResult[Any], empty: Sequence[str]) -> MaterializeResult[Any]:
    if not empty:
        return result
    metadata = {**(result.metadata or {}), _EMPTY: MetadataValue.json(list(empty))}
    return result._replace(metadata=metadata)


def _take_back(context: HookContext, events: Sequence[DagsterEvent]) -> HookExecutionResult:
    """Remove the run's own days that have no rows. Dagster has recorded them by now."""
    done = [
        event.step_materialization_data.materialization for event in events if event.is_step_materialization
    ]
    found = [(one.asset_key, one.metadata[_EMPTY].value) for one in done if _EMPTY in one.metadata]
    for asset, keys in found:
        forget(context.instance, asset, keys)  # type: ignore[arg-type]
    return HookExecutionResult(hook_name=DAYS_HOOK.name, is_skipped=not found)


DAYS_HOOK = HookDefinition(name="days_without_rows_are_taken_back", hook_fn=_take_back)
