"""The settings in `conf/zones.yaml`: the zones, their sources, and how they are forecast and traded.

They are read once, checked, then frozen. Nothing here knows Dagster: `spotdesk watch` reads them too.
"""

from collections.abc import Iterable, Mapping
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, ValidationError, field_validator

from resources.market.own_zones import OWN_ZONES, OwnZone, describe_own_zones
from resources.plugins.sources import check_feed
from resources.settings.yaml_file import read_yaml
from spot.contracts.raw_tables import RAW_TABLES_OF_A_ZONE
from spot.errors import ConfigurationError
from spot.market.zones import find_zone
from spot.simulation.scenarios import ScenarioName
from spot.strict_settings import StrictSettings
from spot.wrong_settings import (
    Place,
    WrongSetting,
    WrongSettingsError,
    find_wrong,
    nearest,
)


def _known_source(name: str) -> str:
    try:
        return check_feed(name)
    except ConfigurationError as error:
        raise ValueError(str(error)) from None


SourceName = Annotated[str, AfterValidator(_known_source)]
"""A source that a zone may have, see `spotdesk sources`. A plug-in is not imported here, so a zone whose
plug-in is broken does not keep the others from starting.
"""
OWN_FORECASTS = "own_weather"
"""Source of the rows that the desk's own forecasts of wind, solar and load write."""


class ScenarioSettings(StrictSettings):
    """A regime change of the simulated market, see `spot/simulation/scenarios.py`."""

    name: ScenarioName
    start_day: date
    end_day: date | None = None


class ZoneSettings(StrictSettings):
    """One bidding zone of the desk."""

    source: SourceName = "simulated"
    fallback_sources: dict[str, tuple[SourceName, ...]] = Field(default_factory=dict)
    """Raw table to the sources that are asked, in this order, if the first does not answer."""
    own_forecasts: bool = False
    """Whether wind, solar and load are forecast here from weather runs (open_meteo), because published
    forecasts may come after the gate. Read at start.
    """
    assume_known: tuple[Literal["renewable_forecasts"], ...] = ()
    """Tables that features may use although they are published after the gate. It is for comparison with the
    literature, never for trading.
    """
    earlier_auctions: tuple[Literal["CH", "EXAA", "GB"], ...] | None = None
    """Auctions that clear before the gate and whose results for the delivery day are inputs. Without a value
    they are those next to the zone (`spot/market/earlier_auctions.py`); the simulated market then has none.
    """
    fuels: tuple[Literal["gas_vtp", "eua_auction", "brent"], ...] | None = None
    """Series of `fuel_prices` that are inputs. Without a value all, for coupled zones on real data."""
    model: str = Field(default="fast", pattern=r"^[a-z0-9_]+$")
    """Profile in `conf/models`."""
    strategies: tuple[str, ...] = ("settlement_spread",)
    """Files in `conf/strategies`."""
    live: bool = False
    """Whether signals are sent as orders; on paper otherwise."""
    is_scheduled: bool = True
    """Whether the schedules and sensors of the graph serve the zone."""
    training_days: int = Field(default=730, ge=28)
    """Newest delivery days before the gate that a model learns from."""
    minimum_training_days: int = Field(default=60, ge=14)
    """Fewest days from which a model is trained. With fewer there is no champion and no signal."""
    evaluation_days: int = Field(default=14, ge=1)
    """Newest days that a new model never sees. It is judged on them against the champion."""
    retrain_after_days: int = Field(default=91, ge=1)
    """A champion older than this is retrained."""
    gate_lead_minutes: int = Field(default=45, ge=5, le=600)
    """How long before the gate the forecast and the signals are made."""
    last_safe_minutes: int = Field(default=15, ge=5, le=600)
    """How long before the gate a forecast may be remade at the latest, where the result of an earlier auction
    is due after the first forecast.
    """
    silence_minutes: int = Field(default=20, ge=1, le=600)
    """How long before the gate an alert is raised when a strategy lacks signals."""
    seed: int = Field(default=1, ge=0)
    """Seed of the simulated market and of training."""
    scenarios: tuple[ScenarioSettings, ...] = ()

    @field_validator("fallback_sources")
    @classmethod
    def _known_tables(cls, value: dict[str, tuple[SourceName, ...]]) -> dict[str, tuple[SourceName, ...]]:
        for name in value:
            if name not in RAW_TABLES_OF_A_ZONE:
                raise ValueError(f"{name} is not a raw table, {nearest(name, RAW_TABLES_OF_A_ZONE)}")
        return value

    @property
    def sources(self) -> tuple[str, ...]:
        """Every source whose rows the zone trusts, the main one first."""
        others = {name for names in self.fallback_sources.values() for name in names} - {self.source}
        own = (OWN_FORECASTS,) if self.own_forecasts else ()
        return (self.source, *sorted(others), *own)


class RetentionSettings(StrictSettings):
    """How long the desk keeps what is not part of its books; the job `lake_maintained` removes the rest."""

    run_days: int = Field(default=90, ge=14)
    """Days after which a run of Dagster, its events and its log are removed. The newest materialisation of
    each asset and partition stays.
    """
    capture_days: int = Field(default=1095, ge=30)
    """Days after which the captured body of an answer is removed. Its row in `captures` stays; rows can no
    longer be derived from it again.
    """
    version_days: int = Field(default=400, ge=30)
    """Days for which older versions of tables can be read: longer than any model serves, so that what it
    learnt from can be read again. They are kept longer where a model that serves needs it.
    """


class DeskSettings(StrictSettings):
    """All of `conf/zones.yaml`."""

    partition_years: int = Field(default=3, ge=1, le=30)
    """Years of delivery days, counted back from this month, that are partitions in the Dagster UI. Rows of
    earlier days stay in the lake.
    """
    retention: RetentionSettings = RetentionSettings()
    defaults: ZoneSettings = ZoneSettings()
    """Settings of a zone that is not listed."""
    own_zones: dict[str, OwnZone] = Field(default_factory=dict)
    """Zones that are in no list, with what the market needs to know of each."""
    zones: dict[str, ZoneSettings] = Field(min_length=1)

    @field_validator("zones")
    @classmethod
    def _known_zones(cls, value: dict[str, ZoneSettings]) -> dict[str, ZoneSettings]:
        for name in value:
            find_zone(name)
        return value

    def with_zones(self, names: Iterable[str]) -> "DeskSettings":
        """These settings and those of `names` that they do not list.

        Added zones have the defaults, on paper and not scheduled.

        Raises:
            ConfigurationError: a zone is unknown.
        """
        unlisted = self.defaults.model_copy(update={"is_scheduled": False, "live": False})
        added = {find_zone(name).name: unlisted for name in names if name not in self.zones}
        return self.model_copy(update={"zones": {**self.zones, **added}})


def parse_desk_settings(document: Mapping[str, Any]) -> DeskSettings:
    """The settings of a parsed `zones.yaml`: those of the desk, `defaults` under every zone, `zones` by name.

    An error in `defaults` is reported there, and not for every zone.

    Raises:
        WrongSettingsError: an unknown name or zone, or a value outside its range.
    """
    unknown = describe_own_zones(document)
    defaults, wrong = _usable(document.get("defaults"), ("defaults",))
    zones: dict[str, dict[str, Any]] = {}
    listed, faults = _mapping(document.get("zones"), ("zones",))
    wrong += (
        faults if listed or faults else [WrongSetting(("zones",), "no zone, write for example DE_LU: {}")]
    )
    for name, own in listed.items():
        place = ("zones", name)
        settings, faults = _mapping(own, place)
        zones[name], more = _usable({**defaults, **settings}, place)
        wrong += [*faults, *_unknown_zone(name, place), *more]
    wrong += unknown
    apart = ("defaults", "zones", *([OWN_ZONES] if unknown else []))
    top = {key: value for key, value in document.items() if key not in apart}
    try:
        made = DeskSettings.model_validate({**top, "zones": {"DE_LU": {}}})
    except ValidationError as error:
        wrong += find_wrong(error, DeskSettings)
    if wrong:
        raise WrongSettingsError("zones.yaml", wrong)
    return DeskSettings(
        partition_years=made.partition_years,
        retention=made.retention,
        own_zones=made.own_zones,
        defaults=ZoneSettings.model_validate(defaults),
        zones={name: ZoneSettings.model_validate(settings) for name, settings in zones.items()},
    )


def _mapping(value: object, place: Place) -> tuple[Mapping[str, Any], list[WrongSetting]]:
    """The mapping at a place, empty where nothing is set, and what is wrong with it."""
    if isinstance(value, Mapping) or value is None:
        return value or {}, []
    return {}, [WrongSetting(place, "expected a mapping (name: value)")]


def _usable(value: object, place: Place) -> tuple[dict[str, Any], list[WrongSetting]]:
    """The settings of a zone at a place without the wrong ones, and the wrong ones."""
    settings, wrong = _mapping(value, place)
    try:
        ZoneSettings.model_validate(dict(settings))
    except ValidationError as error:
        wrong = find_wrong(error, ZoneSettings, place)
    bad = {one.place[len(place)] for one in wrong if len(one.place) > len(place)}
    return {name: own for name, own in settings.items() if name not in bad}, wrong


def _unknown_zone(name: str, place: Place) -> list[WrongSetting]:
    try:
        find_zone(name)
    except ConfigurationError as error:
        return [WrongSetting(place, str(error))]
    return []


def load_desk_settings(path: Path) -> DeskSettings:
    """The settings in the file at `path`.

    Raises:
        ConfigurationError: there is no such file, it is not YAML, or a setting is wrong.
    """
    file = read_yaml(path)
    with file.naming_lines():
        return parse_desk_settings(file.content)
