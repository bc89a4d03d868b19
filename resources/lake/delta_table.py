"""One Delta table under one contract: opening, reading and committing with optimistic concurrency.

`lake.py` decides what the rows mean.

Every commit starts from the version that was read. Delta refuses it when another writer has changed that data
in the meantime: an overwrite because its predicate matches the other's rows, an append because both carry the
transaction name of their zone. `commit` then reads again and retries. So two processes leave what one after
the other would have left. A process killed before its commit leaves files that no version names.
"""

import random
import re
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal, TypeVar
from urllib.parse import unquote

import polars as pl
import pyarrow as pa
from deltalake import CommitProperties, DeltaTable, Transaction, write_deltalake
from deltalake.exceptions import CommitFailedError, DeltaError, TableNotFoundError
from pyarrow import fs

from resources.books.commits import TableBooks, replaced
from resources.lake.checked_reads import refuse_damaged, refuse_damaged_log, table_name
from resources.lake.checksums import record_checksums, record_log, relative_path
from resources.lake.s3 import files_below
from spot.contracts.quarantine_table import UNKNOWN_ZONE
from spot.contracts.table import Column, TableContract
from spot.errors import ConfigurationError, ContractError
from spot.market.zones import find_zone

MONTH = "delivery_month"
"""Physical partition column besides `zone`, for example `2024-01`. It is not part of a contract and never
leaves this module.
"""
_MAX_ATTEMPTS = 40
"""Attempts of a commit that meets others. Chosen by hand: more than the processes of a desk that can write
one table at once.
"""
_SAFE_TEXT = re.compile(r"[A-Za-z0-9_.:*-]{1,64}")
_CONFIGURATION = {
    "delta.logRetentionDuration": "interval 3650 days",
    "delta.deletedFileRetentionDuration": "interval 3650 days",
    # A table is opened from its newest checkpoint and every commit since. The default of 100 commits makes
    # opening five times slower.
    "delta.checkpointInterval": "10",
}

T = TypeVar("T")
_Filter = tuple[str, str, Any]


def safe_text(value: str) -> str:
    """`value`, if it may stand in a predicate: letters, digits and `_.:*-` only, at most 64.

    Raises:
        ContractError: it may not.
    """
    if not _SAFE_TEXT.fullmatch(value):
        raise ContractError(
            f"{value!r} cannot name a zone or a part of a table: letters, digits and _.:*- only"
        )
    return value


def check_zone(contract: TableContract, zone: str) -> str:
    """`zone`, if the table may hold it.

    A known bidding zone where rows have a delivery day, any safe name elsewhere.

    Raises:
        ContractError: it may not.
    """
    if "delivery_day" in contract.columns:
        try:
            return find_zone(zone).name
        except ConfigurationError as error:
            raise ContractError(f"table {contract.name}: {error}") from error
    return zone if zone == UNKNOWN_ZONE else safe_text(zone)


@dataclass(frozen=True, slots=True)
class StoredTable:
    """The place and the contract of one table."""

    contract: TableContract
    uri: str
    storage_options: dict[str, str]
    home: str = ""
    """Folder of the desk whose books record every commit; empty where none does."""

    @property
    def books(self) -> TableBooks:
        """What records the commits of this table."""
        return TableBooks(self.home, self.contract.name, self.contract.key)

    @property
    def partition_columns(self) -> list[str]:
        """Physical partition columns: zone and month of delivery, as far as the contract has them."""
        columns = self.contract.columns
        if "zone" not in columns:
            return []
        return ["zone", MONTH] if "delivery_day" in columns else ["zone"]

    @property
    def files(self) -> fs.SubTreeFileSystem:
        """The files of the table, with paths relative to it."""
        return files_below(self.uri, self.storage_options)

    def open(self) -> DeltaTable | None:
        """The newest version, or None if nothing was ever written.

        Raises:
            ContractError: a file of its log is damaged or lost.
        """
        refuse_damaged_log(self.files, self.uri)
        try:
            return DeltaTable(self.uri, storage_options=self.storage_options or None)
        except TableNotFoundError:
            return None
        except DeltaError as error:
            raise ContractError(
                f"table {table_name(self.uri)}: its log cannot be read ({error}); restore the folder"
                " _delta_log from a backup"
            ) from error

    def load_version(self, delta: DeltaTable, version: int) -> None:
        """Have `delta` show an older version.

        Raises:
            ContractError: a file of the log that this version needs is damaged or lost.
        """
        refuse_damaged_log(self.files, self.uri, version)
        delta.load_as_version(version)

    def version(self) -> int:
        """Number of the newest commit; -1 if nothing was ever written."""
        delta = self.open()
        return -1 if delta is None else int(delta.version())

    def open_or_create(self) -> DeltaTable:
        """The newest version of the table, which is created empty if it does not exist."""
        return self.open() or self._created()

    def _created(self) -> DeltaTable:
        delta = DeltaTable.create(
            self.uri,
            schema=self._physical(self.contract.empty()).to_arrow().schema,
            mode="ignore",
            partition_by=self.partition_columns or None,
            name=self.contract.name,
            description=self.contract.description,
            configuration=_CONFIGURATION,
            storage_options=self.storage_options or None,
        )
        files = record_log(self.files)
        if delta.version() == 0:  # another process may have created it, and written to it, first
            self.books.record(0, files)
        return delta

    def rows(
        self,
        delta: DeltaTable,
        *,
        zones: Sequence[str] | None = None,
        first_day: date | None = None,
        last_day: date | None = None,
    ) -> pl.LazyFrame:
        """Rows of this version under the contract, of these zones and delivery days.

        A column that old rows lack is null. So is a text that older versions stored for null.

        Raises:
            ContractError: a file that holds such rows is damaged or lost.
        """
        self._refuse_damaged(delta, self._filters(zones, first_day, last_day))
        frame = pl.scan_delta(delta)
        if zones is not None:
            frame = frame.filter(pl.col("zone").is_in([check_zone(self.contract, zone) for zone in zones]))
        if first_day is not None:
            frame = frame.filter(pl.col(MONTH) >= month_of(first_day), pl.col("delivery_day") >= first_day)
        if last_day is not None:
            frame = frame.filter(pl.col(MONTH) <= month_of(last_day), pl.col("delivery_day") <= last_day)
        stored = {field.name for field in delta.schema().fields}
        return frame.select(
            _of_today(name, column) if name in stored else pl.lit(None, dtype=column.dtype).alias(name)
            for name, column in self.contract.columns.items()
        )

    def newest_day(self, delta: DeltaTable, zone: str) -> date | None:
        """Newest delivery day of a zone in this version.

        It comes from the statistics that every commit writes beside its files.
        """
        files = pl.DataFrame(delta.get_add_actions(flatten=True))
        if "max.delivery_day" not in files.columns:
            return self._one_day(
                self.rows(delta, zones=[zone]).select(pl.col("delivery_day").max()).collect()
            )
        return self._one_day(
            files.filter(pl.col("partition.zone") == zone).select(
                pl.col("max.delivery_day").cast(pl.Date).max()
            )
        )

    def zones(self, delta: DeltaTable) -> list[str]:
        """Zones that have rows in this version, read from its log.

        Empty for a table that is not partitioned by zone.
        """
        files = pl.DataFrame(delta.get_add_actions(flatten=True))
        return sorted(files["partition.zone"].unique().to_list()) if "partition.zone" in files.columns else []

    @staticmethod
    def _one_day(newest: pl.DataFrame) -> date | None:
        value = newest.item() if newest.height else None
        return value if isinstance(value, date) else None

    def rows_around(self, delta: DeltaTable, frame: pl.DataFrame) -> pl.DataFrame:
        """Rows of this version in the zones and the span of delivery days of `frame`."""
        zones = frame["zone"].unique().to_list() if "zone" in frame.columns else None
        if MONTH not in self.partition_columns:
            return self.rows(delta, zones=zones).collect()
        first_day, last_day = frame.select(
            first=pl.col("delivery_day").min(), last=pl.col("delivery_day").max()
        ).row(0)
        return self.rows(delta, zones=zones, first_day=first_day, last_day=last_day).collect()

    def partitions_of(self, delta: DeltaTable, frame: pl.DataFrame) -> tuple[pl.DataFrame, str | None]:
        """All rows of the partitions that `frame` touches, and the predicate that selects them.

        The predicate is None for the whole table.

        Raises:
            ContractError: a file of these partitions differs from its checksum, so rewriting it would hide
                the damage.
        """
        predicate = self.partitions_predicate(frame)
        self._refuse_damaged(delta, predicate)
        rows = self.rows(delta, zones=frame["zone"].unique().to_list() if predicate else None)
        if MONTH in self.partition_columns:
            rows = rows.filter(pl.col("delivery_day").dt.strftime("%Y-%m").is_in(_months(frame)))
        return rows.collect(), predicate

    def crowded(self, delta: DeltaTable, n_files: int) -> list[tuple[str | None, str | None]]:
        """Zone and month of every partition of this version with at least `n_files` data files.

        None where the table has no such column.
        """
        parts = Counter(
            tuple(re.findall(r"(?:^|/)(zone|delivery_month)=([^/]*)", unquote(uri)))
            for uri in delta.file_uris()
        )
        found = [dict(names) for names, n in parts.items() if n >= n_files]
        return [
            (part.get("zone"), part.get(MONTH)) for part in found if set(part) == set(self.partition_columns)
        ]

    def partition(
        self, delta: DeltaTable, zone: str | None, month: str | None
    ) -> tuple[pl.DataFrame, str | None]:
        """All rows of one partition, and the predicate that selects it; as `partitions_of`."""
        columns: dict[str, list[object]] = {"zone": [zone]} if zone is not None else {}
        if month is not None:
            columns["delivery_day"] = [date.fromisoformat(f"{month}-01")]
        return self.partitions_of(delta, pl.DataFrame(columns))

    def partitions_predicate(self, frame: pl.DataFrame) -> str | None:
        """SQL that selects the partitions of `frame`: all its zones in all its months.

        None where the table has no partitions.
        """
        if not self.partition_columns:
            return None
        predicate = (
            "zone IN"
            f" ({_quoted([check_zone(self.contract, zone) for zone in frame['zone'].unique().sort()])})"
        )
        return (
            f"{predicate} AND {MONTH} IN ({_quoted(_months(frame))})"
            if MONTH in self.partition_columns
            else predicate
        )

    def commit(self, attempt: Callable[[DeltaTable], T]) -> T:
        """Run `attempt` on the newest version, and again while another writer commits first.

        Raises:
            CommitFailedError: other writers came first at every one of the attempts.
        """
        for n_failed in range(1, _MAX_ATTEMPTS):
            try:
                return attempt(self.open_or_create())
            except CommitFailedError:
                time.sleep(random.uniform(0.005, 0.02) * min(n_failed, 10))  # noqa: S311 - spreads writers, guards nothing
        return attempt(self.open_or_create())

    def append(self, delta: DeltaTable, frame: pl.DataFrame) -> None:
        """Commit `frame` as new rows.

        Fails if another append touched one of its zones since `delta` was read.
        """
        zones = frame["zone"].unique().sort().to_list() if "zone" in frame.columns else ["all"]
        transactions = [Transaction(f"append:{zone}", delta.version() + 1) for zone in zones]
        physical, schema_mode = self._prepared(delta, frame)
        books = self.books
        write_deltalake(
            delta,
            physical,
            mode="append",
            schema_mode=schema_mode,
            commit_properties=CommitProperties(
                custom_metadata=books.proof(delta, frame, ""), app_transactions=transactions
            ),
        )
        books.record(delta.version(), record_checksums(delta), frame)

    def overwrite(self, delta: DeltaTable, frame: pl.DataFrame, predicate: str | None) -> None:
        """Commit `frame` in place of the rows that match `predicate`, of all rows without one."""
        physical, schema_mode = self._prepared(delta, frame)
        books = self.books
        write_deltalake(
            delta,
            physical,
            mode="overwrite",
            predicate=predicate,
            schema_mode=schema_mode,
            commit_properties=CommitProperties(
                custom_metadata=books.proof(delta, frame, replaced(predicate))
            ),
        )
        books.record(delta.version(), record_checksums(delta), frame)

    def _refuse_damaged(self, delta: DeltaTable, predicate: str | list[_Filter] | None) -> None:
        uris = delta.file_uris(file_pruning_predicate=predicate or None)
        refuse_damaged(self.files, self.uri, [relative_path(delta, uri) for uri in uris])

    def _filters(
        self, zones: Sequence[str] | None, first_day: date | None, last_day: date | None
    ) -> list[_Filter]:
        """The partitions that rows of these zones and days lie in, as Delta names them."""
        filters: list[_Filter] = []
        if zones is not None:
            filters.append(("zone", "in", [check_zone(self.contract, zone) for zone in zones]))
        if first_day is not None:
            filters.append((MONTH, ">=", month_of(first_day)))
        if last_day is not None:
            filters.append((MONTH, "<=", month_of(last_day)))
        return filters

    def _prepared(self, delta: DeltaTable, frame: pl.DataFrame) -> tuple[pa.Table, Literal["merge"] | None]:
        """Rows as they are stored, and whether the stored schema must grow.

        Rows have the stored order and the stored columns.
        """
        physical = self._physical(frame).sort([*self.partition_columns, *self.contract.key])
        new_columns = set(physical.columns) - {field.name for field in delta.schema().fields}
        return physical.to_arrow(), "merge" if new_columns else None

    def selected(self, frame: pl.DataFrame, condition: pl.Expr) -> pl.DataFrame:
        """The rows for which a condition on stored columns holds, partition columns included."""
        return self._physical(frame).filter(condition).select(frame.columns)

    def _physical(self, frame: pl.DataFrame) -> pl.DataFrame:
        return (
            frame.with_columns(pl.col("delivery_day").dt.strftime("%Y-%m").alias(MONTH))
            if MONTH in self.partition_columns
            else frame
        )


def _months(frame: pl.DataFrame) -> list[str]:
    return frame["delivery_day"].dt.strftime("%Y-%m").unique().sort().to_list()


def _quoted(values: Sequence[str]) -> str:
    return ", ".join(f"'{safe_text(value)}'" for value in values)


def month_of(day: date) -> str:
    """The partition of a delivery day."""
    return f"{day:%Y-%m}"


def _of_today(name: str, column: Column) -> pl.Expr:
    value = pl.col(name).cast(column.dtype)
    if column.null_was is None:
        return value
    return pl.when(value != column.null_was).then(value).alias(name)
