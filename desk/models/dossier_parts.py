"""Parts of the dossier: the contents of a version's files, its limits, and findings in use."""

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from desk.screen.report import Section, Table, table_of
from resources.lake.lake import Lake
from resources.models.version import ModelVersion
from resources.settings.environment import Environment
from resources.settings.yaml_file import read_yaml
from spot.forecast.days.bounded import bounded_json
from spot.forecast.days.files import grid_from_arrays, unpack_arrays, unpack_settings
from spot.strategy.spread.model import SETTINGS_FILE

_LIMIT_FILES = ("risk_limits.yaml", "promotion.yaml", "monitoring.yaml")


def held_settings(version: ModelVersion, files: Mapping[str, bytes]) -> dict[str, Any]:
    """All settings in the files, or those of its registration if the files are damaged."""
    if not files:
        return dict(version.settings)
    if version.is_spread:
        return dict(bounded_json(files[SETTINGS_FILE], SETTINGS_FILE)["settings"])
    return dict(unpack_settings(files))


def held_inputs(version: ModelVersion, files: Mapping[str, bytes]) -> Sequence[str]:
    """Names of the inputs in the files, besides price and calendar if the version is of the price."""
    if not files:
        return ()
    if version.is_spread:
        return tuple(bounded_json(files[SETTINGS_FILE], SETTINGS_FILE)["names"])
    return tuple(grid_from_arrays(unpack_arrays(files)).inputs)


def verdicts_on(version: ModelVersion, lake: Lake) -> Table:
    """Newest verdicts of the monitors on its forecasts; for the spread, its comparisons in shadow."""
    if version.is_spread:
        rows = lake.read("spread_comparisons", zones=[version.zone]).filter(pl.col("slice") == "total")
        is_mine = (pl.col("version_a") == version.version) | (pl.col("version_b") == version.version)
        return table_of(rows.filter(is_mine).drop("zone", "slice", "label"), "beside other versions")
    performance = lake.read("forecast_performance", zones=[version.zone])
    newest = performance.filter(pl.col("model_version") == version.version).sort("delivery_day").tail(40)
    return table_of(
        newest.select("delivery_day", "metric", "basis", "value", "threshold", "status"),
        "newest verdicts on its forecasts",
    )


def limits_section(environment: Environment) -> Section:
    """Every limit of the desk's settings."""
    tables = []
    for name in _LIMIT_FILES:
        path = environment.settings_folder / name
        if path.exists():
            rows = [(key, str(value)) for key, value in _flat(read_yaml(path).content)]
            tables.append(Table(("limit", "value"), rows, name, is_folded=True))
    text = (
        "A limit that is missing, unreadable or not a number denies. Conformance is kept per day and limit in"
        " the table limit_conformance."
    )
    return Section("3. Limits and controls", text=text, tables=tuple(tables))


def _flat(document: Any, prefix: str = "") -> list[tuple[str, Any]]:
    if not isinstance(document, dict):
        return [(prefix, document)]
    return [
        row
        for key, value in document.items()
        for row in _flat(value, f"{prefix}.{key}" if prefix else str(key))
    ]
