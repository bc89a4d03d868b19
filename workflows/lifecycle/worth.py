"""What each input is worth on the ledger of a zone: a walk in shadow, with and without it."""

from datetime import date, timedelta

import numpy as np

from resources.lake.lake import Lake
from resources.lake.zone_tables import read_features, read_raw
from resources.plugins.members import new_forecaster
from resources.settings.model_profiles import model_profile
from resources.settings.zones import Desk
from spot.errors import ForecastError
from spot.features.matrix import build_panel
from spot.lifecycle.worth import WorthReport, worth_of_inputs


def worth_of_zone(
    zone: str, lake: Lake, desk: Desk, *, first: date, last: date, profile: str | None = None
) -> WorthReport:
    """The worth of each input on the days from `first` to `last`, learnt from the days before.

    Features and prices are those that training reads. Nothing is written.

    Raises:
        ForecastError: there are no features of these days, or too few days before them.
    """
    settings = desk.zone(zone)
    since = first - timedelta(days=settings.training_days)
    features = read_features(lake, zone, settings, first_day=since, last_day=last)
    if features.is_empty():
        raise ForecastError(f"{zone}: no features from {since} to {last}: run the chain first")
    prices = read_raw(lake, "day_ahead_prices", zone, settings, first_day=since, last_day=last)
    panel = build_panel(features, prices, zone=zone)
    first_row = int(np.searchsorted(panel.days, np.datetime64(first)))
    if first_row < settings.minimum_training_days:
        raise ForecastError(
            f"{zone}: {first_row} days with features before {first}, {settings.minimum_training_days} are"
            " needed to learn from"
        )
    document = model_profile(desk, profile or settings.model)
    return worth_of_inputs(panel, first_row, lambda: new_forecaster(document))
