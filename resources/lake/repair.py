"""Damaged files of the lake are taken out of service, so that the rest can be read and the gap filled.

The damaged file is kept, in the folder `_damaged` of its table.
"""

from dataclasses import dataclass

import polars as pl
from deltalake import DeltaTable
from pyarrow import fs

from resources.lake.checksums import LOG, record_checksums, verify_files
from resources.lake.delta_table import StoredTable
from resources.lake.lake import Lake
from spot.contracts.tables import TABLES
from spot.errors import ContractError

FOLDER = "_damaged"
BOOKS = frozenset(
    {
        "alerts",
        "bid_curves",
        "block_orders",
        "captures",
        "promotion_decisions",
        "publications",
        "quarantine",
        "retrain_requests",
        "risk_events",
        "signals",
    }
)
"""Tables of what happened. No command can make their rows again; only a backup has them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DamagedFile:
    """A file that is lost or differs from its checksum."""

    table: str
    file: str
    zone: str | None
    month: str | None
    """Month of delivery, `2024-01`."""
    n_rows: int | None
    """Rows that the file held, by the log; None for a file of the log itself."""
    cure: str

    @property
    def is_in_books(self) -> bool:
        """Only a backup has its rows."""
        return self.table in BOOKS


def damaged_files(lake: Lake) -> list[DamagedFile]:
    """Every damaged or lost file of the newest version of each table.

    A table whose log is damaged is one entry for each file of the log; its data files cannot be listed.
    """
    found: list[DamagedFile] = []
    for name in TABLES:
        stored = lake.stored(name)
        try:
            delta = stored.open()
        except ContractError as error:
            found.append(
                DamagedFile(table=name, file=LOG, zone=None, month=None, n_rows=None, cure=f"{error}")
            )
            continue
        if delta is not None:
            found += _damaged_data(stored, delta)
    return found


def take_out_of_service(lake: Lake, files: list[DamagedFile]) -> None:
    """Move damaged data files into `_damaged` and commit, table by table, that they are gone.

    Raises:
        ContractError: a file belongs to the log; nothing of its table is changed.
    """
    for table in sorted({one.table for one in files}):
        stored, wanted = lake.stored(table), [one.file for one in files if one.table == table]
        delta = stored.open()
        if delta is None:
            continue
        stored.books.record_gone(wanted, "repair")
        for path in wanted:
            _move(stored.files, path)
        delta.repair()
        stored.books.record(delta.version(), record_checksums(delta))


def _move(files: fs.SubTreeFileSystem, path: str) -> None:
    if not files.get_file_info(path).is_file:  # lost, or moved by a repair that was killed
        return
    kept = f"{FOLDER}/{path}"
    files.create_dir(kept.rpartition("/")[0], recursive=True)
    files.move(path, kept)


def _damaged_data(stored: StoredTable, delta: DeltaTable) -> list[DamagedFile]:
    verification = verify_files(delta, stored.contract.name)
    bad = {*verification.damaged, *verification.lost}
    actions = pl.DataFrame(delta.get_add_actions(flatten=True)).filter(pl.col("path").is_in(list(bad)))
    return [
        DamagedFile(
            table=stored.contract.name,
            file=row["path"],
            zone=row.get("partition.zone"),
            month=row.get("partition.delivery_month"),
            n_rows=row["num_records"],
            cure=_cure(stored, row.get("partition.zone") or "ZONE", row.get("partition.delivery_month")),
        )
        for row in actions.iter_rows(named=True)
    ]


def _cure(stored: StoredTable, zone: str, month: str | None) -> str:
    days = "" if month is None else f" for the days of {month}"
    if stored.contract.name in BOOKS:
        return "restore it from a backup: no command makes these rows again"
    if stored.contract.is_raw:
        return f"spotdesk repair --apply, then backfill or ingest {zone} again{days}"
    return f"spotdesk repair --apply, then spotdesk run --zone {zone}{days}"
