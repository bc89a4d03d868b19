"""Small panels with a known truth."""

from datetime import date

import numpy as np

from spot.contracts.panel import DeliveryPanel
from spot.market.delivery import n_periods


def made_up_panel(
    n_days: int = 150,
    *,
    zone: str = "DE_LU",
    first_day: date = date(2025, 1, 6),
    switch_day: date | None = None,
    noise: float = 3.0,
    seed: int = 0,
) -> DeliveryPanel:
    """Prices that follow residual load and the weekday, on real days of `zone`.

    Quarter hours from `switch_day` on.
    """
    rng = np.random.default_rng(seed)
    days = np.arange(np.datetime64(first_day), np.datetime64(first_day) + n_days)
    minutes = np.array([15 if switch_day and day.astype(object) >= switch_day else 60 for day in days])
    counts = np.array(
        [n_periods(zone, day.astype(object), int(length)) for day, length in zip(days, minutes, strict=True)]
    )
    width = int(counts.max())
    prices, load, wind = (np.full((n_days, width), np.nan) for _ in range(3))
    for row, (count, length) in enumerate(zip(counts, minutes, strict=True)):
        hour = np.arange(count) * length / 60
        weekend = (days[row].astype("datetime64[D]").astype(int) + 3) % 7 >= 5
        demand = 50_000 - 8_000 * weekend + 9_000 * np.sin((hour - 7) / 24 * 2 * np.pi) + rng.normal(0, 1_500)
        breeze = np.clip(12_000 + rng.normal(0, 6_000) + 1_500 * np.sin(hour / 5), 500, None)
        sawtooth = 4.0 * (hour % 1 - 0.375) * np.sign(12 - hour) if length < 60 else 0.0
        load[row, :count], wind[row, :count] = demand, breeze
        prices[row, :count] = 20 + (demand - breeze) / 700 + sawtooth + rng.normal(0, noise, count)
    return DeliveryPanel(
        zone=zone,
        days=days,
        n_periods=counts,
        resolution_minutes=minutes,
        prices=prices,
        inputs={"load_forecast_mw": load, "wind_forecast_mw": wind},
        holiday_fraction=np.zeros(n_days),
    )
