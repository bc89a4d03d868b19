"""One desk, opened for reading: its tables, forecasts, signals, money and models as polars frames."""

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from resources.analysts.query import query_database
from resources.lake.lake import Lake
from resources.models.mlflow_store import database_of, is_local
from resources.models.version import SPREAD_FAMILY
from resources.settings.environment import Environment
from resources.wiring import make_lake, make_registry
from spot.contracts.model_tables import MODEL_VERSIONS
from spot.contracts.table import TableContract
from spot.contracts.tables import TABLES, find_contract
from spot.contracts.vintages import newest_vintage
from spot.errors import ConfigurationError
from spotdesk.asked import Day, Instant, Zones, day_of, instant_of, zones_of
from spotdesk.files import write_frame

if TYPE_CHECKING:
    from resources.models.version import ModelVersion

_OF_A_PRICE = ("zone", "delivery_start_utc", "resolution_minutes")
_OF_A_FORECAST = ("zone", "delivery_start_utc", "role", "model_version", "source")
_OF_MONEY = ("zone", "delivery_day", "strategy", "role", "mode", "currency")
_COSTS = ("fees_eur", "slippage_eur", "imbalance_cost_eur", "degradation_eur")


class Desk:
    """The tables of one desk. Each method reads anew, and none writes.

    Everywhere `zone` is a name, several names, or None for all. `first_day` and `last_day` are delivery days,
    both included, as dates or as text such as "2025-08-31". `as_of` is an instant with its offset, such as
    "2025-08-19T10:00Z": only what was known then is given. Columns that end in `_utc` are UTC.
    """

    def __init__(self, environment: Environment) -> None:
        """Use `spotdesk.open`."""
        self.environment = environment
        """Where its files lie."""

    def __repr__(self) -> str:
        """Folder of the desk."""
        return f"<spotdesk.Desk {self.home}>"

    @property
    def home(self) -> Path:
        """Folder of the desk."""
        return self.environment.home

    @property
    def zones(self) -> tuple[str, ...]:
        """Zones that have prices or forecasts."""
        names = (*self._lake.zones("day_ahead_prices"), *self._lake.zones("day_ahead_forecasts"))
        return tuple(sorted(set(names)))

    def tables(self) -> pl.DataFrame:
        """Every table: its name, whether the desk has it, whether it is raw, and what a row is."""
        there = {*self._lake.tables(), *((MODEL_VERSIONS.name,) if self._has_models() else ())}
        rows = [
            {
                "table": contract.name,
                "is_there": contract.name in there,
                "is_raw": contract.is_raw,
                "description": contract.description,
            }
            for contract in (*TABLES.values(), MODEL_VERSIONS)
        ]
        return pl.DataFrame(rows).sort("table")

    def columns(self, table: str) -> pl.DataFrame:
        """Columns of a table: name, type, unit and meaning.

        Raises:
            ConfigurationError: there is no such table.
        """
        rows = [
            {"column": name, "type": str(one.dtype), "unit": one.unit, "description": one.description}
            for name, one in _contract(table).columns.items()
        ]
        return pl.DataFrame(rows)

    def table(
        self,
        name: str,
        *,
        zone: Zones = None,
        first_day: Day = None,
        last_day: Day = None,
        as_of: Instant = None,
    ) -> pl.DataFrame:
        """Rows of a table, sorted by its key.

        Without `as_of`, a raw table has every vintage of each value. With it, each value is the newest that
        was available then, and a derived table has the rows that were decided by then.

        Raises:
            ConfigurationError: there is no such table, zone, day or instant.
            ContractError: the rows of this table do not say when they became known.
        """
        if _contract(name) is MODEL_VERSIONS:
            return self._without_days(self.models(zone=zone), first_day, last_day, as_of)
        return self._lake.read(
            name,
            zones=zones_of(zone),
            first_day=day_of(first_day),
            last_day=day_of(last_day),
            as_of_utc=instant_of(as_of),
        )

    def prices(
        self, *, zone: Zones = None, first_day: Day = None, last_day: Day = None, as_of: Instant = None
    ) -> pl.DataFrame:
        """Day-ahead prices in EUR/MWh: the newest vintage of each, or the newest that was known at `as_of`.

        Raises:
            ConfigurationError: there is no such zone, day or instant.
        """
        span = {"zone": zone, "first_day": first_day, "last_day": last_day}
        rows = self.table("day_ahead_prices", **span, as_of=as_of)  # type: ignore[arg-type]
        return newest_vintage(rows).sort(*_OF_A_PRICE)

    def forecasts(
        self,
        *,
        zone: Zones = None,
        first_day: Day = None,
        last_day: Day = None,
        as_of: Instant = None,
        role: str | None = None,
    ) -> pl.DataFrame:
        """Forecasts of the day-ahead price in EUR/MWh, beside the price that the auction gave.

        `price_eur_per_mwh` is the outcome from the forecast's own source; it is null while it is not known.
        With `as_of`, each period has the newest forecast that existed then, and only prices that were known
        then. `role` is "champion" or "challenger"; None gives both.

        Raises:
            ConfigurationError: there is no such zone, day or instant.
        """
        span = {"zone": zone, "first_day": first_day, "last_day": last_day, "as_of": as_of}
        rows = self.table("day_ahead_forecasts", **span)  # type: ignore[arg-type]
        if role is not None:
            rows = rows.filter(pl.col("role") == role)
        if as_of is not None:
            rows = rows.sort("as_of_utc", "model_version").unique(
                ["zone", "delivery_start_utc", "role"], keep="last", maintain_order=True
            )
        outcome = self.prices(**span).select(  # type: ignore[arg-type]
            *_OF_A_PRICE, "price_eur_per_mwh", "available_at_utc", price_source="source"
        )
        is_own = pl.col("source").str.contains(pl.col("price_source"), literal=True)
        own = (
            rows.join(outcome, on=_OF_A_PRICE, how="inner")
            .filter(is_own)
            .sort("available_at_utc")
            .unique(_OF_A_FORECAST, keep="last")
            .select(*_OF_A_FORECAST, "price_eur_per_mwh")
        )
        return rows.join(own, on=_OF_A_FORECAST, how="left").sort(*_OF_A_FORECAST)

    def signals(
        self,
        *,
        zone: Zones = None,
        first_day: Day = None,
        last_day: Day = None,
        as_of: Instant = None,
        role: str | None = "champion",
    ) -> pl.DataFrame:
        """Signals with side, power, limit price and reasons; `role` None gives those of challengers too.

        Raises:
            ConfigurationError: there is no such zone, day or instant.
        """
        rows = self.table("signals", zone=zone, first_day=first_day, last_day=last_day, as_of=as_of)
        return rows if role is None else rows.filter(pl.col("role") == role)

    def money(
        self,
        *,
        zone: Zones = None,
        first_day: Day = None,
        last_day: Day = None,
        role: str | None = "champion",
    ) -> pl.DataFrame:
        """P&L by zone, day and strategy: gross, costs, net, perfect foresight, and the energy filled.

        Amounts are in the column `currency`. Perfect foresight is null where a unit does not have it.

        Raises:
            ConfigurationError: there is no such zone or day.
        """
        rows = self.table("settlements", zone=zone, first_day=first_day, last_day=last_day)
        if role is not None:
            rows = rows.filter(pl.col("role") == role)
        perfect = pl.col("perfect_foresight_eur")
        return (
            rows.group_by(_OF_MONEY)
            .agg(
                pl.col("gross_pnl_eur").sum(),
                costs_eur=pl.sum_horizontal(_COSTS).sum(),
                pnl_eur=pl.col("pnl_eur").sum(),
                perfect_foresight_eur=pl.when(perfect.null_count() == 0).then(perfect.sum()),
                filled_mwh=pl.col("filled_mwh").sum(),
            )
            .sort(_OF_MONEY)
        )

    def models(self, *, zone: Zones = None) -> pl.DataFrame:
        """Every registered version of the models of price and spread: what it learnt from, and its stage.

        Raises:
            ConfigurationError: there is no such zone.
            ModelIntegrityError: the registry is damaged.
        """
        if not self._has_models():
            return MODEL_VERSIONS.empty()
        from resources.analysts.database import model_version_rows

        rows = model_version_rows(self._versions(zones_of(zone) or self.zones))
        return rows.sort("zone", "model_name", "created_at_utc")

    def sql(self, question: str) -> pl.DataFrame:
        """Answer SQL in DuckDB's dialect from the analyst database, as the last run published it.

        Raises:
            ConfigurationError: nothing is published yet, the SQL is wrong, or a limit is reached.
        """
        return query_database(self.environment.analyst_database, question)

    def export(
        self,
        table: str,
        file: str | Path,
        *,
        zone: Zones = None,
        first_day: Day = None,
        last_day: Day = None,
        as_of: Instant = None,
    ) -> int:
        """Write a table as Parquet or Arrow, by the ending of `file`; returns the number of rows.

        Columns carry their meaning and unit. A file that is there is replaced as a whole.

        Raises:
            ConfigurationError: there is no such table, zone, day, instant or folder, or another ending.
        """
        rows = self.table(table, zone=zone, first_day=first_day, last_day=last_day, as_of=as_of)
        write_frame(rows, _contract(table), Path(file).expanduser())
        return rows.height

    @cached_property
    def _lake(self) -> Lake:
        return make_lake(self.environment)

    def _has_models(self) -> bool:
        """Whether there is a registry; asking one that is not there would make it."""
        uri = self.environment.tracking_uri
        return not is_local(uri) or database_of(uri).exists()

    def _versions(self, zones: "list[str] | tuple[str, ...]") -> "list[ModelVersion]":
        registry = make_registry(self.environment)
        families = (registry, registry.of_family(SPREAD_FAMILY))
        return [one for zone in zones for family in families for one in family.shown_versions(zone)]

    @staticmethod
    def _without_days(rows: pl.DataFrame, first_day: Day, last_day: Day, as_of: Instant) -> pl.DataFrame:
        if first_day is None and last_day is None and as_of is None:
            return rows
        raise ConfigurationError(
            f"{MODEL_VERSIONS.name} has no delivery days and is not kept as of an instant: leave them out"
        )


def _contract(table: str) -> TableContract:
    return MODEL_VERSIONS if table == MODEL_VERSIONS.name else find_contract(table)
