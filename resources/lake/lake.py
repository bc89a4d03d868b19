"""The table store: Delta tables under contract, local or on S3 by one URI.

The only door through which rows are written or read.

Raw tables take new facts only (`append`), derived tables replace what they describe (`replace`), event tables
are keyed (`upsert`, `append_only`). Every write may be repeated, by a second process or after a kill, and
leaves the same rows.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

import polars as pl
from deltalake import DeltaTable
from pydantic import Field

from resources.fixed_resource import FixedResource
from resources.lake.access import check_write, note_read, note_written
from resources.lake.appending import COMPACT_FROM_FILES, append_new, compact_partition
from resources.lake.checksums import Verification, record_missing, verify_files
from resources.lake.delta_table import StoredTable, check_zone, month_of, safe_text
from resources.lake.quarantine import quarantine_rows
from resources.lake.s3 import with_credentials
from resources.lake.vacuum import vacuum_table
from resources.lake.whole_frames import all_accepted
from resources.wall_clock import utc_now
from spot.contracts.quarantine_table import QUARANTINE
from spot.contracts.raw_rows import check_raw_rows
from spot.contracts.table import TableContract
from spot.contracts.tables import TABLES, find_contract
from spot.contracts.vintages import known_at
from spot.errors import ContractError

_LEAST_KEPT_DAYS = 7
"""The default of Delta Lake: a reader or an unfinished commit may need older files for so long."""


@dataclass(frozen=True, slots=True)
class WriteReport:
    """What a write did: rows that are new, that were there already, and that went to quarantine.

    And the version of the table after it.
    """

    n_new: int
    n_known: int
    n_quarantined: int
    version: int


class Lake(FixedResource):
    """Delta tables below `uri`, a folder or `s3://bucket/prefix`.

    `storage_options` as delta-rs names them, for example `AWS_REGION` and `AWS_ENDPOINT_URL`; credentials
    come from the AWS session.
    """

    uri: str
    storage_options: dict[str, str] = Field(default_factory=dict)
    home: str = ""
    """Folder of the desk whose books record every commit; without it nothing is recorded."""

    def append(self, table: str, frame: pl.DataFrame, *, source: str) -> WriteReport:
        """Add the rows of a raw table that the ledger does not hold.

        What breaks the contract goes to `quarantine` with its reason.

        Known is a row of the same key and values, and a captured row that repeats the newest earlier vintage:
        fetching again is no revision. A row that contradicts the ledger on its key is quarantined; the ledger
        never changes.

        Raises:
            ContractError: a column is missing, unknown or of the wrong type; the table is not raw.
        """
        stored = self.stored(table)
        if not stored.contract.is_raw:
            raise ContractError(f"table {table} is not raw: use replace, upsert or append_only")
        check_write(table)
        checked = check_raw_rows(frame, stored.contract)
        accepted = checked.accepted
        conflicts = accepted.clear()
        n_new, version = 0, stored.version()
        if not accepted.is_empty():
            new, conflicts, before, version = stored.commit(lambda delta: append_new(stored, delta, accepted))
            n_new = new.height
            note_written(table, pl.concat([before, new.select(before.columns)]), key=stored.contract.key)
        conflicts = conflicts.with_columns(reason=pl.lit("contradicts the ledger on its key"))
        n_quarantined = self.quarantine(table, pl.concat([checked.rejected, conflicts]), source=source)
        return WriteReport(n_new, accepted.height - n_new - conflicts.height, n_quarantined, version)

    def replace(
        self,
        table: str,
        frame: pl.DataFrame,
        *,
        zone: str,
        first_day: date,
        last_day: date,
        only: Mapping[str, str] | None = None,
    ) -> WriteReport:
        """Replace all rows of `zone` from `first_day` to `last_day` by `frame`, in one commit.

        Both days are included.

        `only` narrows what is replaced further, for example `{"role": "champion"}`. The same rows again make
        no commit.

        Raises:
            ContractError: a row breaks the contract or lies outside the zone, the days or `only`; nothing is
                written.
        """
        stored = self.stored(table)
        check_write(table)
        check_zone(stored.contract, zone)
        inside = [pl.col("zone") == zone, pl.col("delivery_day").is_between(first_day, last_day)]
        inside += [pl.col(name) == value for name, value in (only or {}).items()]
        accepted = all_accepted(stored.contract, frame)
        if accepted.filter(pl.all_horizontal(inside)).height != accepted.height:
            raise ContractError(
                f"table {table}: rows outside {zone}, {first_day} to {last_day}, {dict(only or {})}"
            )
        predicate = _predicate(zone, first_day, last_day, only or {})

        def attempt(delta: DeltaTable) -> tuple[int, int]:
            before = (
                stored.rows(delta, zones=[zone], first_day=first_day, last_day=last_day)
                .filter(inside)
                .collect()
            )
            n_known = _n_common(before, accepted)
            if not before.height == accepted.height == n_known:
                stored.overwrite(delta, accepted, predicate)
            return n_known, delta.version()

        n_known, version = stored.commit(attempt)
        note_written(table, accepted, key=stored.contract.key)
        return WriteReport(accepted.height - n_known, n_known, 0, version)

    def upsert(self, table: str, frame: pl.DataFrame, *, by: Sequence[str] = ()) -> WriteReport:
        """Insert rows of an event table, or replace those of the same key.

        Keys are compared within the zone and month of delivery.

        With `by`, all rows that are equal in these columns are replaced: a group is written whole, and
        nothing of an older one stays.

        Raises:
            ContractError: a row breaks the contract; nothing is written.
        """
        stored = self.stored(table)
        check_write(table)
        accepted = all_accepted(stored.contract, frame)
        if accepted.is_empty():
            return WriteReport(0, 0, 0, stored.version())

        def attempt(delta: DeltaTable) -> tuple[int, int]:
            before, predicate = stored.partitions_of(delta, accepted)
            n_known = _n_common(before, accepted)
            others = before.join(accepted, on=by or stored.contract.key, how="anti", nulls_equal=True)
            if not before.height - others.height == accepted.height == n_known:
                stored.overwrite(delta, pl.concat([others, accepted]), predicate)
            return n_known, delta.version()

        n_known, version = stored.commit(attempt)
        note_written(table, accepted, key=stored.contract.key)
        return WriteReport(accepted.height - n_known, n_known, 0, version)

    def append_only(self, table: str, frame: pl.DataFrame) -> WriteReport:
        """Insert rows of an event table whose rows never change; rows that are there already are left out.

        Raises:
            ContractError: a row breaks the contract or differs from the stored row of its key; nothing is
                written.
        """
        stored = self.stored(table)
        check_write(table)
        accepted = all_accepted(stored.contract, frame)
        if accepted.is_empty():
            return WriteReport(0, 0, 0, stored.version())

        def attempt(delta: DeltaTable) -> tuple[int, int]:
            before = stored.rows_around(delta, accepted)
            new = accepted.join(before, on=stored.contract.key, how="anti", nulls_equal=True)
            if new.height + _n_common(before, accepted) < accepted.height:
                raise ContractError(
                    f"table {table}: a row differs from the stored row of its key; its rows never change"
                )
            if not new.is_empty():
                stored.append(delta, new)
            return new.height, delta.version()

        n_new, version = stored.commit(attempt)
        note_written(table, accepted, key=stored.contract.key)
        return WriteReport(n_new, accepted.height - n_new, 0, version)

    def read(
        self,
        table: str,
        *,
        zones: Sequence[str] | None = None,
        first_day: date | None = None,
        last_day: date | None = None,
        as_of_utc: datetime | None = None,
        version: int | None = None,
    ) -> pl.DataFrame:
        """Rows under the contract, sorted by key; empty if the table does not exist.

        Days are delivery days, both included.

        With `as_of_utc`, only what was known at that instant: of a raw table the newest vintage of each value
        available by then, of a derived table the rows with `as_of_utc` up to then. `version` reads an older
        state of the table.

        Raises:
            ContractError: an unknown zone, an instant without time zone, or a table without any of both
                instants.
        """
        stored = self.stored(table)
        delta = _opened(stored)
        if delta is None:
            return stored.contract.empty()
        if version is not None:
            stored.load_version(delta, version)
        frame = stored.rows(delta, zones=zones, first_day=first_day, last_day=last_day)
        if as_of_utc is not None:
            frame = _as_of(frame, stored.contract, as_of_utc)
        return frame.collect().sort(stored.contract.key)

    def rows_per_day(
        self,
        table: str,
        *,
        zone: str,
        first_day: date,
        last_day: date,
        source: str | None = None,
    ) -> dict[date, int]:
        """Delivery day to its number of rows, for the days that have any.

        With `source`, of that source alone.
        """
        stored = self.stored(table)
        delta = _opened(stored)
        if delta is None:
            return {}
        rows = stored.rows(delta, zones=[zone], first_day=first_day, last_day=last_day)
        if source is not None:
            rows = rows.filter(pl.col("source") == source)
        return dict(rows.group_by("delivery_day").len().sort("delivery_day").collect().iter_rows())

    def newest_day(self, table: str, zone: str) -> date | None:
        """Newest delivery day of a zone, told by the table's log without opening a data file.

        None where it has none.
        """
        stored = self.stored(table)
        delta = _opened(stored)
        return None if delta is None else stored.newest_day(delta, zone)

    def zones(self, table: str) -> list[str]:
        """Zones that the table has rows of, told by its log without opening a data file."""
        stored = self.stored(table)
        delta = _opened(stored)
        return [] if delta is None else stored.zones(delta)

    def version(self, table: str) -> int:
        """Version of the table's newest commit; -1 if it does not exist."""
        delta = _opened(self.stored(table))
        return -1 if delta is None else int(delta.version())

    def state(self, table: str) -> str:
        """Identity and version of the table, `id@version`: equal only where the rows are the same.

        Empty if it does not exist.
        """
        delta = _opened(self.stored(table))
        return "" if delta is None else f"{delta.metadata().id}@{delta.version()}"

    def delta(self, table: str) -> DeltaTable | None:
        """The table as Delta knows it, for an upgrade of its schema; None if it does not exist."""
        return self.stored(table).open()

    def tables(self) -> list[str]:
        """Names of the tables that exist."""
        return [name for name in TABLES if self.version(name) >= 0]

    def verify(self) -> list[Verification]:
        """Compare every data file of every table with its checksum."""
        opened = [(name, self.stored(name).open()) for name in TABLES]
        return [verify_files(delta, name) for name, delta in opened if delta is not None]

    def adopt(self) -> int:
        """Record checksums of files that have none, as a killed process leaves them; returns how many."""
        opened = [self.stored(name).open() for name in TABLES]
        return sum(record_missing(delta) for delta in opened if delta is not None)

    def compact(self) -> int:
        """Write every partition that has gathered many small files anew as few; returns how many partitions.

        Older versions stay readable.

        Raises:
            ContractError: a file of such a partition differs from its checksum.
        """
        stored = [
            (self.stored(name), delta) for name in TABLES if (delta := self.stored(name).open()) is not None
        ]
        return sum(
            compact_partition(table, zone, month)
            for table, delta in stored
            for zone, month in table.crowded(delta, COMPACT_FROM_FILES)
        )

    def vacuum(self, *, keep_days: int) -> int:
        """Delete data files that no version of the last `keep_days` days names; returns how many.

        Older versions can then no longer be read: keep more days than the oldest model version that must be
        re-created.

        Raises:
            ContractError: `keep_days` is below 7, so that a run under way could lose its files.
        """
        if keep_days < _LEAST_KEPT_DAYS:
            raise ContractError(f"vacuum keeps at least {_LEAST_KEPT_DAYS} days, not {keep_days}")
        n_files = 0
        for name in TABLES:
            stored = self.stored(name)
            delta = stored.open()
            if delta is not None:
                n_files += vacuum_table(stored, delta, keep_days)
        return n_files

    def stored(self, table: str) -> StoredTable:
        """Where a table lies, for its upkeep.

        Raises:
            ContractError: there is no such table.
        """
        contract = find_contract(table)
        options = with_credentials(self.uri, self.storage_options)
        return StoredTable(contract, f"{self.uri.rstrip('/')}/{contract.name}", options, self.home)

    def quarantine(self, table: str, rejected: pl.DataFrame, *, source: str) -> int:
        """Keep rows that were refused for `table`, each with its `reason`.

        The same reject again is no new row. Returns their number.
        """
        if rejected.is_empty():
            return 0
        rows = quarantine_rows(table, rejected, source=source, seen_at_utc=utc_now())
        stored = self.stored(QUARANTINE.name)

        def attempt(delta: DeltaTable) -> None:
            known = stored.rows(delta, zones=rows["zone"].unique().to_list()).select(QUARANTINE.key).collect()
            new = rows.join(known, on=QUARANTINE.key, how="anti")
            if not new.is_empty():
                stored.append(delta, new)

        stored.commit(attempt)
        return rows.height


def _opened(stored: StoredTable) -> DeltaTable | None:
    """The newest version for a reader, who may have to declare it; None if the table does not exist."""
    delta = stored.open()
    note_read(stored.contract.name, -1 if delta is None else int(delta.version()))
    return delta


def _n_common(before: pl.DataFrame, after: pl.DataFrame) -> int:
    return after.join(before, on=after.columns, how="semi", nulls_equal=True).height


def _predicate(zone: str, first_day: date, last_day: date, only: Mapping[str, str]) -> str:
    parts = [
        f"zone = '{safe_text(zone)}'",
        f"delivery_month >= '{month_of(first_day)}' AND delivery_month <= '{month_of(last_day)}'",
        f"delivery_day >= DATE '{first_day}' AND delivery_day <= DATE '{last_day}'",
        *(f"{name} = '{safe_text(value)}'" for name, value in only.items()),
    ]
    return " AND ".join(parts)


def _as_of(frame: pl.LazyFrame, contract: TableContract, as_of_utc: datetime) -> pl.LazyFrame:
    if as_of_utc.tzinfo is None:
        raise ContractError(f"as_of_utc {as_of_utc} has no time zone: instants are aware and UTC")
    if contract.is_raw:
        return known_at(frame, as_of_utc, by=[name for name in contract.key if name != "available_at_utc"])
    if "as_of_utc" not in contract.columns:
        raise ContractError(f"table {contract.name} does not say when its rows became known")
    return frame.filter(pl.col("as_of_utc") <= as_of_utc)
