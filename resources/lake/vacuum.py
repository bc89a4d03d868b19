"""Deleting data files that no version of the kept days names; the books say which, before they are gone."""

from deltalake import DeltaTable

from resources.lake.checksums import commit_checksums, forget_vacuumed, record_missing
from resources.lake.delta_table import StoredTable


def vacuum_table(stored: StoredTable, delta: DeltaTable, keep_days: int) -> int:
    """Delete what no version of the last `keep_days` days needs; returns how many files."""
    hours, before = keep_days * 24, delta.version()
    unused = delta.vacuum(retention_hours=hours, dry_run=True, enforce_retention_duration=False)
    if unused:
        stored.books.record_gone(unused, "purge")
    gone = delta.vacuum(retention_hours=hours, dry_run=False, enforce_retention_duration=False)
    forget_vacuumed(delta, gone)
    record_missing(delta)  # a vacuum commits to the log
    for version in range(before + 1, delta.version() + 1):
        stored.books.record(version, commit_checksums(stored.files, version))
    return len(gone)
