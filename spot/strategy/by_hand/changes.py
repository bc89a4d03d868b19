"""The orders that leave the desk: the machine's signals with what people have changed."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime

import polars as pl

from spot.contracts.signal_tables import BID_CURVES, SIGNALS

Key = tuple[str, date, str]
"""Zone, delivery day and strategy: what is sent as one batch."""
_OF = ["zone", "delivery_day", "strategy"]
_ID_LENGTH = 24
"""As long as the id of a machine's signal: 96 bits, no two of which meet by chance."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Changed:
    """Signals and curves as they may leave."""

    signals: pl.DataFrame
    """Contract `signals`. Rows of challengers, and days that nobody changed, are as they were."""
    bid_curves: pl.DataFrame
    unjudged: Mapping[Key, str] = field(default_factory=dict)
    """Batches whose limits were not judged since the machine decided anew, and why they may not leave."""


def with_changes(
    signals: pl.DataFrame,
    overrides: pl.DataFrame,
    conformance: pl.DataFrame,
    bid_curves: pl.DataFrame | None = None,
) -> Changed:
    """The champion's signals with the newest change of each unit.

    A unit that was changed has another id, one that was given back too, so that the newest state is sent even
    where an equal one was sent before. A changed unit is one order at its limit price and has no curve.

    Args:
        signals: rows of `signals`, any.
        overrides: rows of `order_overrides`, any.
        conformance: rows of `override_conformance`, any.
        bid_curves: rows of `bid_curves` of the signals.
    """
    curves = BID_CURVES.empty() if bid_curves is None else bid_curves
    is_concerned = pl.struct(_OF).is_in(overrides.select(pl.struct(_OF)).to_series().implode())
    concerned = (
        signals.filter(is_concerned, pl.col("role") == "champion") if overrides.height else signals.clear()
    )
    if concerned.is_empty():
        return Changed(signals=signals, bid_curves=curves)
    parts = [signals.join(concerned.select("signal_id"), on="signal_id", how="anti", maintain_order="left")]
    unjudged: dict[Key, str] = {}
    for key, machine in concerned.group_by(_OF, maintain_order=True):
        zone, strategy, day = str(key[0]), str(key[2]), machine["delivery_day"][0]
        standing = standing_changes(overrides.filter(zone=zone, delivery_day=day, strategy=strategy))
        judged = conformance.filter(zone=zone, delivery_day=day, strategy=strategy).sort("as_of_utc")
        as_of = _judged_at(machine, judged)
        if as_of is None:
            names = ", ".join(standing["entered_by"].unique().sort())
            unjudged[zone, day, strategy] = (
                f"the machine decided anew after the change of {names}, and the limits do not allow the"
                " change, or were not asked again: enter it again or withdraw it"
            )
        parts.append(_changed(machine, standing, as_of))
        curves = _curves(curves, standing)
    return Changed(
        signals=pl.concat(parts).select(SIGNALS.columns.keys()), bid_curves=curves, unjudged=unjudged
    )


def also_changed(signals: pl.DataFrame, overrides: pl.DataFrame) -> pl.DataFrame:
    """Rows of `signals`, and beside them every row that a person changed, as of the instant of the change.

    Whoever counts what the desk holds takes the newest row of a unit by then. So a decision sees the changes
    before it, and made again later it sees no other.
    """
    champion = signals.filter(pl.col("role") == "champion")
    if overrides.is_empty() or champion.is_empty():
        return signals
    parts = [signals]
    for _, change in overrides.group_by("override_id", "as_of_utc", maintain_order=True):
        machine = champion.join(change, on=["zone", "strategy", "delivery_start_utc"], how="semi")
        if machine.height:
            parts.append(_changed(machine, change, change["as_of_utc"][0]))
    return pl.concat(parts)


def standing_changes(overrides: pl.DataFrame) -> pl.DataFrame:
    """The newest row of each unit, withdrawals included."""
    return overrides.sort("as_of_utc", "override_id").unique(
        ["zone", "strategy", "delivery_start_utc"], keep="last", maintain_order=True
    )


def new_signal_id(override_id: str, machine_signal_id: str) -> str:
    """Id of a signal that a person has touched."""
    return hashlib.sha256(f"{override_id}|{machine_signal_id}".encode()).hexdigest()[:_ID_LENGTH]


def _judged_at(machine: pl.DataFrame, judged: pl.DataFrame) -> datetime | None:
    """When the changes were judged on the very decision of `machine`; None where they were not."""
    found = judged.filter(pl.col("decided_as_of_utc") == machine["as_of_utc"][0])
    newest = found["as_of_utc"].max()
    return newest if isinstance(newest, datetime) else None


def _changed(machine: pl.DataFrame, standing: pl.DataFrame, as_of: datetime | None) -> pl.DataFrame:
    """One batch: every row at the instant of its judgement, touched rows with new ids and values."""
    wanted = standing.select(
        "delivery_start_utc", "override_id", "action", "entered_by", "reason",
        new_side="side", new_mw="volume_mw", new_price="limit_price_eur_per_mwh",
        new_risk="value_at_risk_eur", new_shortfall="expected_shortfall_eur",
    )  # fmt: skip
    both = machine.join(wanted, on="delivery_start_utc", how="left", maintain_order="left")
    is_touched = pl.col("override_id").is_not_null()
    is_other = is_touched & (pl.col("action") != "withdraw")
    share = pl.when(pl.col("volume_mw") > 0).then(pl.col("new_mw") / pl.col("volume_mw")).otherwise(0.0)
    ids = [
        machine_id if override is None else new_signal_id(override, machine_id)
        for machine_id, override in both.select("signal_id", "override_id").iter_rows()
    ]
    said = pl.format("{}; by hand, {}: {}", "reasons", "entered_by", "reason")
    changed = both.with_columns(
        signal_id=pl.Series(ids, dtype=pl.String),
        side=pl.when(is_other).then("new_side").otherwise("side"),
        expected_value_eur=pl.when(is_other)
        .then(pl.col("expected_value_eur") * share)
        .otherwise("expected_value_eur"),
        volume_mw=pl.when(is_other).then("new_mw").otherwise("volume_mw"),
        limit_price_eur_per_mwh=pl.when(is_other).then("new_price").otherwise("limit_price_eur_per_mwh"),
        reasons=pl.when(is_other).then(said).otherwise("reasons"),
    )
    if as_of is not None:
        changed = changed.with_columns(as_of_utc=pl.lit(as_of).cast(machine.schema["as_of_utc"]))
    newest = standing.sort("as_of_utc", "override_id").row(-1, named=True)
    worst = {
        "value_at_risk_eur": newest["value_at_risk_eur"],
        "expected_shortfall_eur": newest["expected_shortfall_eur"],
    }
    return changed.with_columns(
        pl.max_horizontal(name, pl.lit(value)).alias(name) for name, value in worst.items()
    ).select(SIGNALS.columns.keys())


def _curves(curves: pl.DataFrame, standing: pl.DataFrame) -> pl.DataFrame:
    """Curves without those of changed units; a unit that was given back has its own again."""
    given_back = standing.filter(action="withdraw")
    other = standing.filter(pl.col("action") != "withdraw")
    unit = ["zone", "strategy", "delivery_start_utc"]
    kept = curves.join(other.select(unit), on=unit, how="anti", maintain_order="left")
    by_unit = {
        (zone, strategy, start): override
        for zone, strategy, start, override in given_back.select(*unit, "override_id").iter_rows()
    }
    ids = [
        new_signal_id(by_unit[where], signal) if (where := (zone, strategy, start)) in by_unit else signal
        for zone, strategy, start, signal in kept.select(*unit, "signal_id").iter_rows()
    ]
    return kept.with_columns(signal_id=pl.Series(ids, dtype=pl.String))
