"""Making a stored forecast or signal again from its row alone, and listing the differences."""

from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import polars as pl

from resources.lake.lake import Lake
from resources.lake.zone_tables import read_features
from resources.models.registry import ModelRegistry
from resources.settings.code_version import lock_hash, model_code_version, recorded_lock_hash
from resources.settings.policies import promotion_settings
from resources.settings.zones import Desk
from spot.contracts.words import NAIVE_VERSION
from spot.errors import ModelError, ModelNotFoundError
from spot.market.delivery import ZoneDays
from spot.market.gates import gate_closure_utc
from spot.walk.inputs import WalkInputs
from spot.walk.signals import walk_signals
from workflows.decisions.early import as_first_decided
from workflows.decisions.inputs import book_before, walk_inputs
from workflows.forecasting.forecast_days import forecast_days
from workflows.forecasting.ladder import naive_forecast
from workflows.forecasting.served_spread import named_spread


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayVerdict:
    """Result of a replay, compared with what is stored."""

    what: str
    n_rows: int
    differences: tuple[str, ...]
    """Column, row and both values of each difference, and the known reasons; empty when equal bit for bit."""

    @property
    def is_equal(self) -> bool:
        """Whether the replay equals the stored rows, bit for bit."""
        return self.n_rows > 0 and not self.differences


def replay_forecast(
    row: dict[str, Any], lake: Lake, desk: Desk, registry: ModelRegistry
) -> tuple[ReplayVerdict, pl.DataFrame]:
    """The forecast of `row`, made again by the registered version, compared with the stored one.

    It has the row's zone, day, role and version.

    Raises:
        ModelNotFoundError: the row names a version that is not registered.
    """
    zone, day, version, role = row["zone"], row["delivery_day"], row["model_version"], row["role"]
    stored = lake.read("day_ahead_forecasts", zones=[zone], first_day=day, last_day=day).filter(
        pl.col("role") == role, pl.col("model_version") == version
    )
    if version == NAIVE_VERSION:
        return _replay_naive(row, stored, lake, desk)
    found = registry.version(zone, version)
    made, problems = forecast_days(found, [day], role, lake, desk, registry)
    made = _as_stand_in(made, stored)
    reasons = list(problems)
    if made.height and stored.height and made["data_version"][0] != stored["data_version"][0]:
        reasons.append(
            f"the inputs were revised: stored {stored['data_version'][0]}, now {made['data_version'][0]}"
        )
    code = model_code_version(found.settings)
    if found.tags.get("code_version") not in (None, code):
        reasons.append(
            f"the code changed since version {version} was trained: {found.tags['code_version']}, now {code}"
        )
    if recorded_lock_hash(found.tags) not in (None, lock_hash()):
        reasons.append(
            f"the libraries changed since version {version} was trained: requirements.lock is another"
        )
    return (
        _verdict(
            f"forecast of {zone} for {day}, {role} version {version}",
            stored,
            made,
            ("delivery_start_utc",),
            reasons,
        ),
        made,
    )


def _replay_naive(
    row: dict[str, Any], stored: pl.DataFrame, lake: Lake, desk: Desk
) -> tuple[ReplayVerdict, pl.DataFrame]:
    """The naive forecast that stood in for the serving version, made again."""
    zone, day = row["zone"], row["delivery_day"]
    made = naive_forecast(zone, [day], lake, desk, promotion_settings(desk).fallback)
    made = _as_stand_in(made, stored)
    return _verdict(f"naive forecast of {zone} for {day}", stored, made, ("delivery_start_utc",), []), made


def _as_stand_in(made: pl.DataFrame, stored: pl.DataFrame) -> pl.DataFrame:
    """Rows that say for whom they stand in, as the stored ones do: that is no part of the forecast."""
    said = stored["fallback"][0] if stored.height else None
    return made.with_columns(fallback=pl.lit(said, pl.String))


def replay_signal(
    row: dict[str, Any], lake: Lake, desk: Desk, registry: ModelRegistry, state_folder: Path
) -> tuple[ReplayVerdict, ...]:
    """The signal's whole day made again, forecast first, compared with the stored rows.

    It has the row's strategy, role and version.
    """
    zone, day, version, role = row["zone"], row["delivery_day"], row["model_version"], row["role"]
    verdicts: list[ReplayVerdict] = []
    made = None
    if version is not None:
        try:
            verdict, made = replay_forecast(row, lake, desk, registry)
            verdicts.append(verdict)
        except ModelError as error:
            verdicts.append(
                ReplayVerdict(what=f"forecast of version {version}", n_rows=0, differences=(str(error),))
            )
            if isinstance(error, ModelNotFoundError):
                return tuple(verdicts)
    mine = (
        (pl.col("strategy") == row["strategy"])
        & (pl.col("role") == role)
        & pl.col("model_version").eq_missing(pl.lit(version, pl.String))
    )
    stored = lake.read("signals", zones=[zone], first_day=day, last_day=day).filter(mine)
    span = ZoneDays(zone, day, day)
    now = gate_closure_utc(zone, day) + timedelta(hours=24)
    inputs = as_first_decided(walk_inputs(span, lake, desk, registry, state_folder, now), span, lake)
    try:
        inputs = _with_spread_of(row, inputs, span, lake, desk, registry)
    except ModelError as error:
        what = f"spread of version {row['strategy_model_version']}"
        return (*verdicts, ReplayVerdict(what=what, n_rows=0, differences=(str(error),)))
    if made is not None:
        is_remade = (
            (pl.col("delivery_day") == day) & (pl.col("role") == role) & (pl.col("model_version") == version)
        )
        others = inputs.forecasts.filter(~is_remade)
        inputs = replace(inputs, forecasts=pl.concat([others, made]))
    walked = walk_signals(inputs, [day], book_before(span, lake))
    signals = walked.signals.filter(mine)
    reasons: list[str] = []
    if _differs(stored, signals, "settings_hash"):
        limits = lake.read("limit_conformance", zones=[zone], first_day=day, last_day=day).filter(mine)
        reasons += _changed_limits(limits, walked.conformance.filter(mine)) or [
            "the settings of the strategy changed"
        ]
    verdicts.append(
        _verdict(
            f"signals of {row['strategy']} in {zone} for {day}",
            stored,
            signals,
            ("delivery_start_utc",),
            reasons,
        )
    )
    blocks = lake.read("block_orders", zones=[zone], first_day=day, last_day=day).filter(mine)
    made_blocks = walked.block_orders.filter(mine)
    if blocks.height or made_blocks.height:
        what = f"block orders of {row['strategy']} in {zone} for {day}"
        key = ("block_group", "block", "delivery_start_utc")
        verdicts.append(_verdict(what, blocks, made_blocks, key, reasons))
    return tuple(verdicts)


def _with_spread_of(
    row: dict[str, Any], inputs: WalkInputs, span: ZoneDays, lake: Lake, desk: Desk, registry: ModelRegistry
) -> WalkInputs:
    """The inputs with the model of the spread that the row names.

    After a rollback, another model serves its day.

    Raises:
        ModelError: the version is not registered, or its files are damaged.
    """
    version, strategy = row["strategy_model_version"], row["strategy"]
    if version is None:
        return inputs
    sources = {**inputs.spread_sources, strategy: named_spread(version, span, registry)}
    settings = desk.zone(span.zone)
    features = read_features(lake, span.zone, settings, first_day=span.first_day, last_day=span.last_day)
    return replace(inputs, spread_sources=sources, features=features)


def _changed_limits(stored: pl.DataFrame, made: pl.DataFrame) -> list[str]:
    """Each risk limit that has changed, from the conformance rows of both."""
    key = ["scope", "limit_name"]
    both = (
        stored.join(made, on=key, suffix="_now")
        .filter(~pl.col("limit_value").eq_missing(pl.col("limit_value_now")))
        .sort(key)
    )
    return [
        f"limit {row['limit_name']} of the {row['scope']} changed: {_said(row['limit_value'])} then,"
        f" {_said(row['limit_value_now'])} now"
        for row in both.iter_rows(named=True)
    ]


def _said(limit: float | None) -> str:
    return "missing" if limit is None else f"{limit:g}"


def _differs(stored: pl.DataFrame, made: pl.DataFrame, column: str) -> bool:
    return column in stored.columns and set(stored[column].to_list()) != set(made[column].to_list())


def _verdict(
    what: str, stored: pl.DataFrame, made: pl.DataFrame, key: tuple[str, ...], reasons: list[str]
) -> ReplayVerdict:
    stored, made = stored.sort(key), made.select(stored.columns).sort(key)
    if stored.is_empty():
        return ReplayVerdict(what=what, n_rows=0, differences=("nothing is stored", *reasons))
    if stored.height != made.height:
        return ReplayVerdict(
            what=what,
            n_rows=stored.height,
            differences=(f"{stored.height} rows stored, {made.height} made again", *reasons),
        )
    found = [text for name in stored.columns if (text := _column_difference(stored, made, name))]
    return ReplayVerdict(what=what, n_rows=stored.height, differences=(*found, *reasons) if found else ())


def _column_difference(stored: pl.DataFrame, made: pl.DataFrame, name: str) -> str:
    rows = [
        i for i, (a, b) in enumerate(zip(stored[name].to_list(), made[name].to_list(), strict=True)) if a != b
    ]
    if not rows:
        return ""
    first = rows[0]
    where = f"{len(rows)} of {stored.height} rows, first at {stored['delivery_start_utc'][first]}"
    return f"{name}: {where}: {stored[name][first]} stored, {made[name][first]} now"
