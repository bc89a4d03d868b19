"""The folder of recorded market data: finds its files, reads them, and merges the data of a zone."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import polars as pl

from resources.fixed_resource import FixedResource
from spot.errors import ConfigurationError, ContractError
from spot.sources.currencies import LOCAL_TABLE
from spot.sources.files.layouts import LAYOUTS, find_layout
from spot.sources.files.market_files import merge_by_precedence, parse_market_file, zones_of_file
from spot.sources.files.tidy_files import parse_tidy, zones_of_tidy
from spot.sources.judging.plausibility import assess_plausibility
from spot.sources.parsed import Capture

Rows = dict[str, pl.DataFrame]
"""Rows by raw table."""


class MarketFiles(FixedResource):
    """Market data in `path`.

    It may hold recorded parquet files in the layouts of `spot/sources/files/layouts.py`, and CSV or parquet
    files in the tidy layout.

    A tidy file names its zone in a column `zone` or at the beginning of its name (`NL_prices.csv`). Other
    files are ignored.
    """

    path: str

    def files(self) -> list[Path]:
        """Files of a known layout, best first. Tidy files are a desk's own and come before the recorded sets.

        Raises:
            ConfigurationError: there is no such folder, or it holds no such file.
        """
        folder = Path(self.path)
        if not folder.is_dir():
            raise ConfigurationError(
                f"no folder {folder}: name the recorded market data with --data or SPOTDESK_MARKET_DATA"
            )
        known = [
            (LAYOUTS.index(layout), path)
            for path in sorted(folder.glob("*.parquet"))
            if (layout := find_layout(path.stem))
        ]
        own = [path for path in sorted(folder.iterdir()) if _tidy_zones(path)]
        if not known and not own:
            there = ", ".join(path.name for path in sorted(folder.iterdir())[:5]) or "nothing"
            raise ConfigurationError(
                f"folder {folder} holds no market data file (there is {there}): name a tidy CSV or Parquet"
                " after its zone, as NL_prices.csv, or give it a column zone; docs/sources/files.md has the"
                f" layout. Recorded sets begin with {', '.join(_beginnings())}"
            )
        return [*own, *(path for _, path in sorted(known))]

    def zones(self) -> list[str]:
        """Zones that the files hold, benchmark markets included."""
        return sorted({zone for path in self.files() for zone in _zones(path)})

    def of_zone(self, zone: str) -> tuple[Path, ...]:
        """Files that hold the zone, best first; none where there is no folder or nothing in it."""
        try:
            return tuple(path for path in self.files() if zone in _zones(path))
        except ConfigurationError:
            return ()

    def stamp(self, zone: str) -> tuple[tuple[str, int, int], ...]:
        """Name, time of writing in ns and size of each of these files. It changes when one of them does."""
        found = [(path.name, path.stat()) for path in self.of_zone(zone)]
        return tuple((name, facts.st_mtime_ns, facts.st_size) for name, facts in found)

    def tables(self, zone: str) -> Rows:
        """All data of `zone` in the files, by raw table.

        Each hour of a series comes from the best file that has it.

        Raises:
            ConfigurationError: no file holds the zone, or the folder is missing or empty.
            ContractError: a tidy file on the zone is damaged or not plausible. A bad recorded file is
                skipped; see `refused`.
        """
        parsed = [accepted for accepted, _ in self._parsed(zone)]
        if not parsed:
            raise ConfigurationError(
                f"no file in {self.path} holds zone {zone!r}: they hold {', '.join(self.zones())}; name"
                f" another folder with --data, or bring a file in with `spotdesk ingest FILE --zone {zone}`"
            )
        return merge_by_precedence(parsed)

    def check_own(self, zone: str) -> None:
        """Read the zone's tidy files, so that a damaged one is named before anything runs.

        Raises:
            ContractError: one is damaged or not plausible.
        """
        for path in self.files():
            if zone in _tidy_zones(path):
                _read_tidy(path, zone)

    def rejected(self, zone: str) -> Rows:
        """Rows of the zone's tidy files that are not accepted, by raw table, each with its `reason`."""
        found: dict[str, list[pl.DataFrame]] = {}
        for _, rejected in self._parsed(zone):
            for table, rows in rejected.items():
                found.setdefault(table, []).append(rows)
        return {table: pl.concat(frames, how="diagonal") for table, frames in found.items()}

    def _parsed(self, zone: str) -> Iterator[tuple[Rows, Rows]]:
        """Accepted and rejected rows of every file on the zone, best first."""
        for path in self.files():
            if zone not in _zones(path):
                continue
            if _tidy_zones(path):
                yield _read_tidy(path, zone)
                continue
            try:
                yield parse_market_file(path.stem, pl.read_parquet(path), zone=zone), {}
            except ContractError:
                continue  # `refused` says which file and why; what the others hold is still good

    def refused(self) -> dict[str, str]:
        """Name to reason of every file that is refused as a whole."""
        reasons = {}
        for path in self.files():
            try:
                if zones := _tidy_zones(path):
                    for zone in zones:
                        _read_tidy(path, zone)
                else:
                    parse_market_file(path.stem, pl.read_parquet(path))
            except ContractError as error:
                reasons[path.name] = str(error)
        return reasons


def _read_tidy(path: Path, zone: str) -> tuple[Rows, Rows]:
    """Accepted and rejected rows of a tidy file, judged by the rules of the live sources.

    A value counts as known when the file was written, if its publication rule gives a later instant.
    """
    written = datetime.fromtimestamp(path.stat().st_mtime, UTC)
    kind = "csv" if path.suffix.lower() == ".csv" else "parquet"
    parsed = parse_tidy(
        path.read_bytes(),
        kind,  # type: ignore[arg-type]
        path.name,
        Capture(zone=zone, captured_at_utc=written, is_backfill=True),
    )
    if LOCAL_TABLE in parsed.tables:
        raise ContractError(
            f"{path.name}: prices in another currency need exchange rates: bring them in with `spotdesk"
            f" ingest {path.name}`"
        )
    accepted, rejected = (
        {},
        {table: rows for (table,), rows in parsed.rejected.partition_by("table", as_dict=True).items()},
    )
    for table, rows in parsed.tables.items():
        verdict = assess_plausibility(table, rows)
        if verdict.is_refused:
            reasons = verdict.quarantined["reason"].value_counts(sort=True).head(2).rows()
            raise ContractError(
                f"{path.name}: {100 * verdict.quarantined_share:.0f} % of {table} is not plausible:"
                f" {reasons}; nothing of it is used"
            )
        accepted[table] = verdict.accepted
        if verdict.quarantined.height:
            rejected[table] = pl.concat(
                [*([rejected[table]] if table in rejected else []), verdict.quarantined], how="diagonal"
            )
    return accepted, rejected


def _tidy_zones(path: Path) -> list[str]:
    """Zones of a file in the tidy layout; empty for any other file.

    A file whose name begins with a zone is meant as tidy: reading it says what is wrong.
    """
    kind = path.suffix.lower()
    if kind not in (".csv", ".parquet") or find_layout(path.stem):
        return []
    try:
        lazy = pl.scan_csv(path, infer_schema=False) if kind == ".csv" else pl.scan_parquet(path)
        if {"zone", "table", "value"} <= set(lazy.collect_schema().names()):
            return zones_of_tidy(
                path.stem,
                lazy.select(pl.col("zone").cast(pl.String).unique()).collect()["zone"].drop_nulls().to_list(),
            )
    except (pl.exceptions.PolarsError, OSError):
        pass
    return zones_of_tidy(path.stem, None)


def _zones(path: Path) -> list[str]:
    if own := _tidy_zones(path):
        return own
    layout = find_layout(path.stem)
    if layout is None or layout.zone or any(column.zone for column in layout.columns):
        return zones_of_file(path.stem, pl.DataFrame())
    return zones_of_file(path.stem, pl.read_parquet(path, columns=["zone"]))


def _beginnings() -> list[str]:
    return sorted({layout.pattern.split("_")[0] for layout in LAYOUTS})
