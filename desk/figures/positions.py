"""What the desk holds for coming deliveries: orders before the auction, filled power after it."""

from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any

import polars as pl

from spot.contracts.forecast_tables import MTU_KEY
from spot.strategy.outbox.standing import as_sent

ORDERED, WAITING, FILLED = "ordered, the gate is open", "sent, the auction is not settled", "filled"
_OF = ["zone", "delivery_day", "strategy", "mode"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """Energy of one strategy, zone and delivery day: buys and sells in MWh, the largest power in MW."""

    zone: str
    delivery_day: date
    strategy: str
    mode: str
    state: str
    bought_mwh: float
    sold_mwh: float
    net_mwh: float
    largest_long_mw: float
    largest_short_mw: float
    n_orders: int

    def row(self) -> dict[str, Any]:
        """The row of a table or of JSON."""
        return asdict(self)


def unit_positions(
    signals: pl.DataFrame, publications: pl.DataFrame, settlements: pl.DataFrame, now: datetime
) -> pl.DataFrame:
    """A row per market time unit with an order: signed `power_mw`, long is positive, and its `state`.

    Settled units have the power that was filled. A live order that no channel took is none. Frames are under
    their contracts.
    """
    orders = as_sent(signals.filter(pl.col("role") == "champion"), publications).filter(
        pl.col("side") != "flat"
    )
    filled = settlements.filter(pl.col("role") == "champion").select("signal_id", *MTU_KEY, "exposure_mw")
    signed = pl.when(pl.col("side") == "buy").then("volume_mw").otherwise(-pl.col("volume_mw"))
    waits = pl.when(pl.col("gate_closure_utc") > now).then(pl.lit(ORDERED)).otherwise(pl.lit(WAITING))
    return (
        orders.join(filled, on=["signal_id", *MTU_KEY], how="left", maintain_order="left")
        .with_columns(
            power_mw=pl.coalesce("exposure_mw", signed),
            state=pl.when(pl.col("exposure_mw").is_not_null()).then(pl.lit(FILLED)).otherwise(waits),
        )
        .drop("exposure_mw")
    )


def positions_of(units: pl.DataFrame) -> list[Position]:
    """The units of `unit_positions` summed by zone, day and strategy."""
    energy = units.with_columns(mwh=pl.col("power_mw") * pl.col("resolution_minutes") / 60.0)
    rows = []
    for key, own in energy.group_by(_OF, maintain_order=True):
        zone, day, strategy, mode = key
        bought = float(own.filter(pl.col("mwh") > 0.0)["mwh"].sum())
        sold = abs(float(own.filter(pl.col("mwh") < 0.0)["mwh"].sum()))
        power = own.group_by("delivery_start_utc").agg(pl.col("power_mw").sum())["power_mw"]
        rows.append(
            Position(
                zone=str(zone),
                delivery_day=day,
                strategy=str(strategy),
                mode=str(mode),
                state=", ".join(sorted(set(own["state"]))),
                bought_mwh=bought,
                sold_mwh=sold,
                net_mwh=bought - sold,
                largest_long_mw=max(0.0, *power.to_list()),
                largest_short_mw=max(0.0, *(-power).to_list()),
                n_orders=own.height,
            )
        )
    return sorted(rows, key=lambda row: (row.delivery_day, row.zone, row.strategy))
