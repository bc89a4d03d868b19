"""Results of earlier auctions and fuels that a zone reads: as its settings say, else by its place."""

from datetime import timedelta

import polars as pl

from resources.settings.zone_settings import ZoneSettings
from spot.contracts.lineage import SIMULATED
from spot.market.earlier_auctions import ANY_DAY, EARLIER_AUCTIONS, EarlierAuction, auctions_near
from spot.market.fuels import fuels_near
from spot.market.gates import gate_closure_utc


def earlier_auctions_of(zone: str, settings: ZoneSettings) -> tuple[EarlierAuction, ...]:
    """The auctions whose results the zone reads.

    Without a setting they are those next to it that clear before its gate. In the simulated market they are
    none, because it has such auctions only where a setting names them.
    """
    if settings.earlier_auctions is not None:
        return tuple(EARLIER_AUCTIONS[name] for name in settings.earlier_auctions)
    return () if settings.source == SIMULATED else auctions_near(zone)


def fuels_of(zone: str, settings: ZoneSettings) -> tuple[str, ...]:
    """The series of `fuel_prices` that the zone reads, by the same rule."""
    if settings.fuels is not None:
        return settings.fuels
    return () if settings.source == SIMULATED else fuels_near(zone)


def has_earlier_inputs(zone: str, settings: ZoneSettings) -> bool:
    """Whether the zone reads any of either."""
    return bool(earlier_auctions_of(zone, settings) or fuels_of(zone, settings))


def remakes_forecast(zone: str, settings: ZoneSettings) -> bool:
    """Whether a result is due by rule after the zone's first forecast and before the last safe minute."""
    gate = gate_closure_utc(zone, ANY_DAY)
    first, last = (
        gate - timedelta(minutes=minutes)
        for minutes in (settings.gate_lead_minutes, settings.last_safe_minutes)
    )
    due = [auction.known_utc(zone, ANY_DAY) for auction in earlier_auctions_of(zone, settings)]
    return any(first < instant <= last for instant in due)


def of_same_market(rows: pl.DataFrame, settings: ZoneSettings) -> pl.DataFrame:
    """Rows of the real market for a real zone, of the simulated one for a simulated zone.

    Another auction may come from another source than the zone's own prices, so its source is not asked.
    """
    is_simulated = pl.col("source") == SIMULATED
    return rows.filter(is_simulated if settings.source == SIMULATED else ~is_simulated)
