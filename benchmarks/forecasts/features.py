"""Features for 13 zones and three years.

It measures time and peak memory on the recorded market data or, without it, on artificial rows of the same
size.

    python -m benchmarks.forecasts.features [--data DIR] [--json]

Aim: under 5 s and 2 GiB for all zones together. Reading files is measured separately; features are built from
rows in memory.
"""

import argparse
import json
import resource
import sys
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from resources.market.market_files import MarketFiles
from spot.contracts.raw_tables import RAW_TABLES
from spot.features.matrix import build_features
from spot.market.delivery import day_bounds_utc, days_between

ZONES = ["AT", "BE", "CZ", "DE_LU", "DK_1", "DK_2", "FR", "HU", "NL", "NO_2", "PT", "SE_4", "SK"]
FIRST_DAY, LAST_DAY = date(2022, 1, 1), date(2024, 12, 31)
AIM_SECONDS, AIM_GIB = 5.0, 2.0
_VALUES = {
    contract.name: next(name for name, column in contract.columns.items() if column.dtype == pl.Float64)
    for contract in RAW_TABLES
}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--data",
        type=Path,
        default=Path(__file__).resolve().parents[3] / "shared" / "data",
        help="folder of recorded market data",
    )
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    arguments = parser.parse_args()
    has_data = (arguments.data / "README.md").is_file()
    zones = _recorded(arguments.data) if has_data else _made_up()
    days = days_between(FIRST_DAY, LAST_DAY)
    rows: list[dict[str, Any]] = []
    read_s, started = 0.0, time.perf_counter()
    for zone, tables in zones:
        read_s += time.perf_counter() - started
        started, cpu = time.perf_counter(), time.process_time()
        features = build_features(tables, zone=zone, days=days)
        rows.append(
            {
                "zone": zone,
                "rows": features.height,
                "seconds": time.perf_counter() - started,
                "cpu_s": time.process_time() - cpu,
            }
        )
        started = time.perf_counter()
    total = {name: sum(row[name] for row in rows) for name in ("rows", "seconds", "cpu_s")}
    result: dict[str, Any] = {
        "input": "recorded" if has_data else "made up",
        "zones": rows,
        **total,
        "read_s": read_s,
        "peak_gib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20,
    }
    _print(result, as_json=arguments.json)
    sys.exit(0 if result["seconds"] < AIM_SECONDS and result["peak_gib"] < AIM_GIB else 1)


def _recorded(folder: Path) -> Iterator[tuple[str, dict[str, pl.DataFrame]]]:
    files = MarketFiles(path=str(folder))
    for zone in ZONES:
        yield zone, files.tables(zone)


def _made_up() -> Iterator[tuple[str, dict[str, pl.DataFrame]]]:
    series = {
        "day_ahead_prices": ["day_ahead"],
        "load_forecasts": ["load"],
        "renewable_forecasts": ["solar", "wind_onshore", "wind_offshore"],
    }
    contracts = {contract.name: contract for contract in RAW_TABLES}
    for zone in ZONES:
        starts = pl.datetime_range(
            day_bounds_utc(zone, FIRST_DAY)[0],
            day_bounds_utc(zone, LAST_DAY)[1],
            "1h",
            closed="left",
            time_zone="UTC",
            eager=True,
        )
        yield (
            zone,
            {
                table: pl.concat(
                    [_hours(zone, table, name, starts, contracts[table].schema) for name in names]
                )
                for table, names in series.items()
            },
        )


def _hours(zone: str, table: str, series: str, starts: pl.Series, schema: pl.Schema) -> pl.DataFrame:
    day = starts.dt.convert_time_zone("Europe/Brussels").dt.date()
    noon = (pl.Series(day).cast(pl.Datetime("us")).dt.replace_time_zone("UTC")) - timedelta(hours=14)
    values = np.random.default_rng(0).normal(100.0, 30.0, len(starts))
    frame = pl.DataFrame(
        {"delivery_start_utc": starts, "delivery_day": day, "available_at_utc": noon, _VALUES[table]: values}
    ).with_columns(
        zone=pl.lit(zone),
        series=pl.lit(series),
        resolution_minutes=pl.lit(60),
        availability=pl.lit("rule"),
        source=pl.lit("made up"),
    )
    return frame.select(schema.keys()).cast(schema)


def _print(result: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        print(json.dumps({**result, "measured_at_utc": datetime.now(UTC).isoformat()}, indent=2))
        return
    print(f"features of {len(ZONES)} zones, {FIRST_DAY} to {LAST_DAY}, input {result['input']}")
    print(f"{'zone':<8}{'rows':>10}{'seconds':>10}{'cpu_s':>10}")
    for row in [
        *result["zones"],
        {"zone": "all", **{name: result[name] for name in ("rows", "seconds", "cpu_s")}},
    ]:
        print(f"{row['zone']:<8}{row['rows']:>10,}{row['seconds']:>10.2f}{row['cpu_s']:>10.2f}")
    print(
        f"reading the input {result['read_s']:.2f} s; peak memory {result['peak_gib']:.2f} GiB; aim"
        f" {AIM_SECONDS:g} s and {AIM_GIB:g} GiB"
    )


if __name__ == "__main__":
    main()
