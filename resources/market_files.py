"""The folder of recorded market data: finds its files, reads them, and merges what they hold on a zone."""

from pathlib import Path

import polars as pl
from dagster import ConfigurableResource

from spot.errors import ConfigurationError, ContractError
from spot.sources.file_layouts import LAYOUTS, find_layout
from spot.sources.files import merge_by_precedence, parse_market_file, zones_of_file


class MarketFiles(ConfigurableResource):  # type: ignore[type-arg]
    """Recorded market data in `path`: parquet files in the layouts of `spot/sources/file_layouts.py`. Other files are left alone."""

    path: str

    def files(self) -> list[Path]:
        """Files of a known layout, best first.

        Raises:
            ConfigurationError: there is no such folder, or it holds no such file.
        """
        folder = Path(self.path)
        if not folder.is_dir():
            raise ConfigurationError(f"no folder {folder}: name the recorded market data with --data or SPOTDESK_MARKET_DATA")
        known = [(LAYOUTS.index(layout), path) for path in sorted(folder.glob("*.parquet")) if (layout := find_layout(path.stem))]
        if not known:
            raise ConfigurationError(f"folder {folder} holds no market data file: names begin with {', '.join(_beginnings())}")
        return [path for _, path in sorted(known)]

    def zones(self) -> list[str]:
        """Zones that the files hold, benchmark markets included."""
        return sorted({zone for path in self.files() for zone in _zones(path)})

    def tables(self, zone: str) -> dict[str, pl.DataFrame]:
        """All that the files hold on `zone`, by raw table, of each hour of a series from the best file that has it.

        Raises:
            ConfigurationError: no file holds the zone, or the folder is missing or empty.
        """
        parsed = []
        for path in self.files():
            if zone in _zones(path):
                try:
                    parsed.append(parse_market_file(path.stem, pl.read_parquet(path), zone=zone))
                except ContractError:
                    continue  # `refused` says which file and why; what the others hold is still good
        if not parsed:
            raise ConfigurationError(f"no file in {self.path} holds zone {zone!r}: they hold {', '.join(self.zones())}")
        return merge_by_precedence(parsed)

    def refused(self) -> dict[str, str]:
        """Name to reason of every file that is refused as a whole."""
        reasons = {}
        for path in self.files():
            try:
                parse_market_file(path.stem, pl.read_parquet(path))
            except ContractError as error:
                reasons[path.name] = str(error)
        return reasons


def _zones(path: Path) -> list[str]:
    layout = find_layout(path.stem)
    if layout is None or layout.zone or any(column.zone for column in layout.columns):
        return zones_of_file(path.stem, pl.DataFrame())
    return zones_of_file(path.stem, pl.read_parquet(path, columns=["zone"]))


def _beginnings() -> list[str]:
    return sorted({layout.pattern.split("_")[0] for layout in LAYOUTS})
