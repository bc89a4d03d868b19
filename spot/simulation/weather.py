"""Weather, load and their forecasts: what happens, and what each publication expected.

Every quantity is a function of latent standard normal processes. A forecast is the same function of the
expected latent state given a noisy view of it. So forecasts are unbiased in the latent state, smoother than
the outcome, and worse the longer they look ahead. There are two views: `early` (the desk's own, from the
morning weather run before the gate) and `late` (published in the evening before delivery).
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from spot.arrays import Floats
from spot.simulation.clock import MarketClock
from spot.simulation.noise import daily_index, daily_process, hourly_process
from spot.simulation.profiles import ZoneProfile

EARLY, LATE, ACTUAL, CONSENSUS = "early", "late", "actual", "consensus"
_SHARED_OF_REGION, _SHARED_OF_EUROPE = 0.60, 0.15
"""Shares of a latent state's variance that a region and Europe have in common. Chosen by hand."""

_SHAPES = 0.01 * np.array(
    [
        [
            78,
            75,
            73,
            73,
            75,
            81,
            93,
            105,
            111,
            113,
            113,
            114,
            112,
            111,
            109,
            108,
            109,
            114,
            118,
            117,
            110,
            102,
            94,
            85,
        ],
        [
            77,
            73,
            71,
            70,
            70,
            73,
            78,
            85,
            93,
            98,
            100,
            101,
            100,
            97,
            95,
            94,
            96,
            103,
            108,
            106,
            99,
            93,
            88,
            81,
        ],
        [74, 70, 68, 67, 66, 67, 69, 74, 81, 87, 90, 93, 93, 89, 86, 85, 87, 95, 102, 102, 96, 91, 86, 79],
    ]
)
"""Load by local hour, share of the mean: working day, Saturday, Sunday or holiday."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Conditions:
    """One view of a zone's weather and load. All arrays (N,), MW."""

    load_mw: Floats
    wind_onshore_mw: Floats
    wind_offshore_mw: Floats
    solar_mw: Floats

    @property
    def wind_mw(self) -> Floats:
        """Wind power on- and offshore together, `(periods,)`."""
        return self.wind_onshore_mw + self.wind_offshore_mw

    @property
    def residual_load_mw(self) -> Floats:
        """Load that wind and solar do not cover, `(periods,)`."""
        return self.load_mw - self.wind_mw - self.solar_mw


@dataclass(frozen=True, slots=True, kw_only=True)
class Weather:
    """What happened and what was expected: views by name, and the latent truth."""

    views: Mapping[str, Conditions]
    temperature_c: Floats
    wind_factor_frac: Floats
    solar_factor_frac: Floats


def simulate_weather(
    profile: ZoneProfile,
    clock: MarketClock,
    *,
    seed: int,
    solar_capacity: Floats,
    onshore_capacity: Floats,
) -> Weather:
    """Weather, load and forecasts of one zone.

    `solar_capacity` and `onshore_capacity` (N,) are installed capacity as a share of mean load.
    """
    hours, zone = clock.middle_hours, clock.zone
    winter = np.cos(2 * np.pi * (clock.day_of_year - 15) / 365.25)
    wind = _regional(seed, "wind", profile.region, zone, hours, 45.0)
    cloud = _regional(seed, "cloud", profile.region, zone, hours, 30.0)
    mild = _regional(seed, "temperature", profile.region, zone, hours, 110.0)
    temperature = _temperature(profile, clock, winter, mild)
    load_true = _load(profile, clock, temperature, seed)
    sun = _clear_sky(profile, clock)
    lead = np.sqrt((clock.local_hour + 14.5) / 26.5)
    view_errors = {
        name: _ViewErrors.of(seed, name, zone, hours, lead, near, far)
        for name, near, far in (("wind", 0.20, 0.22), ("cloud", 0.38, 0.28))
    }
    load_slow = 0.011 * hourly_process(seed, f"load_slow|{zone}", hours, 90.0)
    load_fast = 0.011 * hourly_process(seed, f"load_fast|{zone}", hours, 7.0) * lead
    views = {}
    for name, near_share, far_share, slow_share, fast_share in (
        (ACTUAL, 0.0, 0.0, 0.0, 0.0),
        (LATE, 1.0, 0.0, 1.0, 1.0),
        (CONSENSUS, 1.0, 0.45, 0.6, 0.7),
        (EARLY, 1.0, 1.0, 1.0, 1.0),
    ):
        z_wind = view_errors["wind"].seen(wind, near_share, far_share)
        z_cloud = view_errors["cloud"].seen(cloud, near_share, far_share)
        views[name] = Conditions(
            load_mw=load_true * (1.0 - slow_share * load_slow - fast_share * load_fast),
            wind_onshore_mw=profile.mean_load_mw * onshore_capacity * _wind_factor(z_wind, winter, -1.25),
            wind_offshore_mw=profile.mean_load_mw
            * profile.wind_offshore
            * _wind_factor(1.1 * z_wind, winter, -0.45),
            solar_mw=profile.mean_load_mw * solar_capacity * _solar_factor(sun, z_cloud, winter),
        )
    return Weather(
        views=views,
        temperature_c=temperature,
        wind_factor_frac=_wind_factor(wind, winter, -1.25),
        solar_factor_frac=_solar_factor(sun, cloud, winter),
    )


def _regional(
    seed: int, name: str, region: str, zone: str, hours: Floats, time_constant_hours: float
) -> Floats:
    """Standard normal state that a zone shares with its region and with Europe."""
    own = 1.0 - _SHARED_OF_REGION - _SHARED_OF_EUROPE
    parts = ((_SHARED_OF_EUROPE, "europe"), (_SHARED_OF_REGION, f"region:{region}"), (own, zone))
    return sum(
        (
            np.sqrt(share) * hourly_process(seed, f"{name}|{scope}", hours, time_constant_hours)
            for share, scope in parts
        ),
        np.zeros(1),
    )


@dataclass(frozen=True, slots=True)
class _ViewErrors:
    """Errors of a latent state.

    `near` remains after the evening run. `far` is removed by the evening run.
    """

    near: Floats
    far: Floats
    near_sd: Floats
    far_sd: Floats

    @classmethod
    def of(
        cls, seed: int, name: str, zone: str, hours: Floats, lead: Floats, near: float, far: float
    ) -> "_ViewErrors":
        draws = [hourly_process(seed, f"{name}_{part}_error|{zone}", hours, 9.0) for part in ("near", "far")]
        return cls(draws[0] * near * lead, draws[1] * far * lead, near * lead, far * lead)

    def seen(self, state: Floats, near_share: float, far_share: float) -> Floats:
        """Expected state given a noisy view of it (the shrunk mean of two normal variables)."""
        variance = (near_share * self.near_sd) ** 2 + (far_share * self.far_sd) ** 2
        return np.asarray((state + near_share * self.near + far_share * self.far) / (1.0 + variance))


def _wind_factor(state: Floats, winter: Floats, offset: float) -> Floats:
    return np.asarray(0.95 / (1.0 + np.exp(-(offset + 0.30 * winter + 1.05 * state))))


def _clear_sky(profile: ZoneProfile, clock: MarketClock) -> Floats:
    """Sine of the sun's elevation, 0 at night (Cooper 1969 declination; the equation of time is left out)."""
    declination = np.radians(23.45) * np.sin(2 * np.pi * (284 + clock.day_of_year) / 365.25)
    hour_angle = np.pi / 12 * (clock.middle_hours % 24 + profile.longitude / 15 - 12)
    latitude = np.radians(profile.latitude)
    sine = np.sin(latitude) * np.sin(declination) + np.cos(latitude) * np.cos(declination) * np.cos(
        hour_angle
    )
    return np.asarray(np.maximum(sine, 0.0))


def _solar_factor(sun: Floats, cloud: Floats, winter: Floats) -> Floats:
    transmission = 0.18 + 0.82 / (1.0 + np.exp(-(0.55 - 0.55 * winter + 1.15 * cloud)))
    return np.asarray(0.92 * sun**1.15 * transmission)


def _temperature(profile: ZoneProfile, clock: MarketClock, winter: Floats, mild: Floats) -> Floats:
    mean = 10.0 + 0.75 * (51.0 - profile.latitude)
    diurnal = 3.2 * np.cos(2 * np.pi * (clock.local_hour - 15.5) / 24)
    return np.asarray(mean - 9.0 * winter + diurnal + 3.4 * mild)


def _load(profile: ZoneProfile, clock: MarketClock, temperature: Floats, seed: int) -> Floats:
    clock_hours = np.arange(25) + 0.5
    shapes = np.concatenate([_SHAPES[:, -1:], _SHAPES, _SHAPES[:, :1]], axis=1)
    shape = np.choose(
        clock.day_kind, [np.interp(clock.local_hour, np.append(-0.5, clock_hours), row) for row in shapes]
    )
    heating = profile.heating * (np.maximum(0.0, 15.0 - temperature) / 10.0 - 0.6)
    cooling = profile.cooling * np.maximum(0.0, temperature - 22.0) / 10.0
    habit = 0.018 * hourly_process(seed, f"load|{clock.zone}", clock.middle_hours, 60.0)
    economy = 0.02 * daily_process(seed, f"economy|{clock.zone}", 200.0)[daily_index(clock.epoch_days)]
    return np.asarray(profile.mean_load_mw * shape * (1.0 + heating + cooling + habit + economy))
