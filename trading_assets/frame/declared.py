"""How assets and checks are declared: their reads are named once, and the rest follows.

`reads` gives the dependencies in the graph and what the body may use. The lake and the registry refuse the
rest (`resources/lake/access.py`). Each event says which version of which table was read. The data version of
an asset with a table is a hash over the rows that it wrote for the event's day, so the same rows again make
nothing stale. Its code version is a hash over the sources that its work depends on.
"""

import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import wraps
from typing import Any, Literal

from dagster import (
    AssetCheckResult,
    AssetChecksDefinition,
    AssetCheckSpec,
    AssetDep,
    AssetExecutionContext,
    AssetsDefinition,
    AssetSpec,
    BackfillPolicy,
    CodeReferencesMetadataValue,
    DataVersion,
    LocalFileCodeReference,
    MaterializeResult,
    MetadataValue,
    asset_check,
    multi_asset,
    multi_asset_check,
)

from resources.lake.access import Access, opened
from resources.pictures.asset_metadata import OWNERS, table_metadata
from resources.settings.code_version import sources_version
from trading_assets.frame.materialised_days import DAYS_HOOK, RowsPerDay, rows_of, with_days_recorded
from trading_assets.frame.reads import EARLIER_READS, OPTIONAL, RECORDS, Read, as_reads, nodes_of
from trading_assets.partitions import ONLY_WITH_TAG, zone_day_partitions, zone_partitions

AssetResult = MaterializeResult[Any]
"""What the function of an asset returns."""
Body = Callable[..., Any]
Scope = Literal["zone and day", "zone", "desk"]
_PARTITIONS: Mapping[Scope, Any] = {
    "zone and day": zone_day_partitions,
    "zone": zone_partitions,
    "desk": None,
}
_BACKFILLS: Mapping[Scope, BackfillPolicy | None] = {
    "zone and day": BackfillPolicy.single_run(),
    "zone": BackfillPolicy.multi_run(max_partitions_per_run=1),
    "desk": None,
}
_DAYS: Scope = "zone and day"
_ANYONE_READS = frozenset({"alerts"})
"""Tables that every asset may read: raising an alert checks whether the alert exists already."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Declaration:
    """One asset of the graph: its group, its tools, what it reads and writes."""

    name: str = ""
    """Name of the asset; that of the function where it is empty."""
    group: str
    kinds: frozenset[str]
    reads: Sequence[str | Read] = ()
    """Tables and families of the registry; a name stands for the same zone and day."""
    table: str | None = None
    """The table that it writes; None where its result is not a table."""
    writes: Sequence[str] = ()
    """Tables of other assets to which it adds rows."""
    source: str | None = None
    """Source of the rows that it adds to tables of others."""
    description: str | None = None
    """Text for people in the UI; the function's docstring where it is None."""
    is_optional: bool = False
    """Whether a run may have nothing to do for it. It is then not materialised, nor is what follows from it.
    """
    only_with: str = ""
    """What a zone of the desk must have for the asset to be part of its graph."""

    def spec(self, body: Body, scope: Scope) -> AssetSpec:
        """What Dagster shows of the asset and uses to order its runs."""
        return AssetSpec(
            self.name,
            deps=_deps(self.reads, but=self.name),
            group_name=self.group,
            owners=OWNERS,
            kinds=set(self.kinds),
            tags={ONLY_WITH_TAG: self.only_with} if self.only_with else {},
            description=self.description or inspect.getdoc(body),
            metadata={
                **(table_metadata(self.table) if self.table else {}),
                **self._shown(),
                **_source_of(body),
            },
            partitions_def=_PARTITIONS[scope],
            code_version=sources_version(body.__module__),
            skippable=self.is_optional,
        )

    def _shown(self) -> dict[str, Any]:
        earlier = EARLIER_READS.get(self.name, {})
        lines = "\n".join(f"- `{name}`: {why}" for name, why in earlier.items())
        return {
            **_reads_shown(self.reads),
            "reads_of_earlier_days": MetadataValue.md(lines or "none"),
        }


def declared_asset(
    *,
    per: Scope,
    group: str,
    kinds: Iterable[str],
    reads: Sequence[str | Read] = (),
    table: str | None = None,
    pool: str | None = None,
    **more: Any,
) -> Callable[[Body], AssetsDefinition]:
    """A function that makes one asset and returns its `MaterializeResult`.

    `more` are the other fields of `Declaration`.
    """

    def make(body: Body) -> AssetsDefinition:
        name = more.pop("name", body.__name__)
        one = Declaration(name=name, group=group, kinds=frozenset(kinds), reads=reads, table=table, **more)
        return declared_assets(per=per, assets=[one], name=name, pool=pool)(body)

    return make


def declared_assets(
    *, per: Scope, assets: Sequence[Declaration], name: str | None = None, pool: str | None = None
) -> Callable[[Body], AssetsDefinition]:
    """A function that makes several assets in one step.

    It yields a `MaterializeResult` of each, in their order.
    """

    def make(body: Body) -> AssetsDefinition:
        tables = {one.name: (*((one.table,) if one.table else ()), *one.writes) for one in assets}
        step = _judged(body, lambda given: _access(assets, _day_of(given) if per == _DAYS else None), tables)
        rows = _rows_per_day(assets) if per == _DAYS else {}
        return multi_asset(
            name=name or body.__name__,
            specs=[one.spec(body, per) for one in assets],
            partitions_def=_PARTITIONS[per],
            backfill_policy=_BACKFILLS[per],
            pool=pool,
            hooks={DAYS_HOOK} if rows else None,
            config_schema={},  # a run chooses only the partition of an asset
        )(with_days_recorded(step, rows) if rows else step)

    return make


def declared_check(
    *, asset: str, description: str, reads: Sequence[str | Read] = (), blocking: bool = False
) -> Callable[[Body], AssetChecksDefinition]:
    """A function that checks one asset; the check has its name. `reads` are all the tables that it reads."""

    def make(body: Body) -> AssetChecksDefinition:
        return asset_check(
            asset=asset,
            name=body.__name__,
            description=description,
            blocking=blocking,
            additional_deps=_check_deps(reads, asset),
            metadata=_reads_shown(reads),
            config_schema={},
        )(_judged(body, lambda _: _check_access(f"{asset}:{body.__name__}", reads), {}))

    return make


def declared_checks(
    *,
    asset: str,
    checks: Mapping[str, str],
    reads: Sequence[str | Read] = (),
    blocking: Sequence[str] = (),
) -> Callable[[Body], AssetChecksDefinition]:
    """A function that makes several checks of one asset in one step.

    `checks` is name to description; `blocking` says which of them block.
    """

    def make(body: Body) -> AssetChecksDefinition:
        specs = [
            AssetCheckSpec(
                name,
                asset=asset,
                description=text,
                blocking=name in blocking,
                additional_deps=_check_deps(reads, asset),
                metadata=_reads_shown(reads),
            )
            for name, text in checks.items()
        ]
        return multi_asset_check(name=f"{asset}_checks", specs=specs, config_schema={})(
            _judged(body, lambda _: _check_access(f"{asset}:checks", reads), {})
        )

    return make


def _reads_shown(reads: Sequence[str | Read]) -> dict[str, str]:
    """The text that the UI shows for reads."""
    return {"reads": ", ".join(dict.fromkeys(read.name for read in as_reads(reads))) or "nothing"}


def _deps(reads: Sequence[str | Read], *, but: str) -> list[AssetDep]:
    """One dependency per asset that is read. An asset does not depend on itself."""
    found = [dep for read in as_reads(reads) for dep in read.deps]
    return list(
        {dep.asset_key.to_user_string(): dep for dep in found if dep.asset_key.path != [but]}.values()
    )


def _rows_per_day(assets: Sequence[Declaration]) -> dict[str, RowsPerDay]:
    """Asset to its rows, and the assets whose tables get rows from it.

    These rows make a day of an asset materialised.
    """
    tables = {one.name: [one.table] if one.table else list(one.writes) for one in assets}
    own = {one.name: rows_of(tables[one.name], one.source) for one in assets if tables[one.name]}
    others = {
        name: rows_of([table]) for one in assets for table in one.writes for name in nodes_of(table)[:1]
    }
    return {**others, **own}


def _check_deps(reads: Sequence[str | Read], asset: str) -> list[AssetDep]:
    """Dependencies of a check.

    A desk may lack an optional asset, and a check keeps the dependencies that it was made with.
    """
    return [dep for dep in _deps(reads, but=asset) if dep.asset_key.to_user_string() not in OPTIONAL]


def _day_of(context: AssetExecutionContext) -> date | None:
    """The day of the run's event; None where the event covers several."""
    keys = context.partition_keys
    return date.fromisoformat(str(keys[0]).partition("|")[0]) if len(keys) == 1 else None


def _access(assets: Sequence[Declaration], day: date | None) -> Access:
    reads = {read.name for one in assets for read in as_reads(one.reads)}
    earlier = {name for one in assets for name in EARLIER_READS.get(one.name, ())}
    tables = {one.table for one in assets if one.table} | {name for one in assets for name in one.writes}
    return Access(
        name=" and ".join(one.name for one in assets),
        may_read=frozenset(reads | earlier) | _ANYONE_READS,
        may_write=frozenset(tables | RECORDS.keys()),
        day=day,
    )


def _check_access(name: str, reads: Sequence[str | Read]) -> Access:
    names = frozenset(read.name for read in as_reads(reads))
    return Access(name=name, may_read=names, may_write=frozenset())


def _judged(body: Body, access_of: Callable[[Any], Access], tables: Mapping[str, Sequence[str]]) -> Body:
    """The body within an access of its own. Its results say what was read and written."""

    @wraps(body)
    def run(*given: Any, **named: Any) -> Any:
        with opened(access_of(next(iter(given), None))) as access:
            return _told(body(*given, **named), access, tables)

    @wraps(body)
    def run_step_by_step(*given: Any, **named: Any) -> Iterator[Any]:
        access, results = access_of(next(iter(given), None)), iter(body(*given, **named))
        while True:
            with opened(access):
                try:
                    result = next(results)
                except StopIteration:
                    return
            yield _told(result, access, tables)

    return run_step_by_step if inspect.isgeneratorfunction(body) else run


def _told(result: Any, access: Access, tables: Mapping[str, Sequence[str]]) -> Any:
    metadata = {**(result.metadata or {}), "tables_read": MetadataValue.json(access.table_versions)}
    if isinstance(result, AssetCheckResult):
        return result._replace(metadata=metadata)
    key = result.asset_key.to_user_string() if result.asset_key else next(iter(tables))
    digits = "-".join(access.written[table] for table in tables[key] if table in access.written)
    version = result.data_version or (DataVersion(digits) if digits else None)
    return MaterializeResult(
        asset_key=result.asset_key, metadata=metadata, data_version=version, tags=result.tags
    )


def _source_of(body: Body) -> dict[str, Any]:
    """File and line of the function, so that a click in the UI opens it."""
    code = inspect.unwrap(body).__code__
    place = LocalFileCodeReference(file_path=code.co_filename, line_number=code.co_firstlineno)
    return {"dagster/code_references": CodeReferencesMetadataValue(code_references=[place])}
