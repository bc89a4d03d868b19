"""Results of the demo, from the lake's tables alone.

They are errors before and after the regime change, the drift, the models and the P&L.
"""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from datetime import date, timedelta
from typing import Any

import polars as pl

from desk.demo.story import Event, Promotion, promotion_of, story_of
from resources.models.version import PRICE_FAMILY
from spot.market.delivery import delivery_day_of
from spot.monitoring.watch import scored_forecasts

TABLES = (
    "day_ahead_forecasts",
    "day_ahead_prices",
    "settlements",
    "feature_drift",
    "forecast_performance",
    "retrain_requests",
    "promotion_decisions",
    "signals",
    "data_quality",
    "quarantine",
)
"""Tables of the lake that a summary reads."""

_OUTCOMES = {
    "promote": "promoted",
    "to_challenger": "put in shadow",
    "reject": "rejected",
    "expire": "expired without a significant gain",
}
Tables = Mapping[str, pl.DataFrame]


@dataclass(frozen=True, slots=True, kw_only=True)
class ZoneSummary:
    """One zone of the demo.

    Errors are mean absolute errors of the day-ahead price, EUR/MWh; None where there was nothing to measure.
    """

    zone: str
    n_forecast_days: int
    mae_before: float | None
    """Champion, from its first forecast to the day before the change."""
    mae_after: float | None
    """The champion of the day, from the change on."""
    mae_after_old: float | None
    """The champion from the change until the first new version served."""
    mae_after_new: float | None
    """The champion since then; None where no new version serves."""
    mae_same_days_old: float | None
    """Old champion on the days on which the promoted version was in shadow."""
    mae_same_days_new: float | None
    """The promoted version on the same days."""
    rmae: float | None
    """Champion's error over that of the naive forecast (the price a week before), all forecast days."""
    n_false_alarms: int
    """Days before the change, or all days where there was none, on which drift was reported."""
    drift_found: date | None
    n_days_to_drift: int | None
    n_days_to_worse_performance: int | None
    """Days from the change to the first day on which the forecast counted as worse than before."""
    retrains: tuple[str, ...]
    """Each with its day, cause and status."""
    n_retrains: dict[str, int]
    """Cause to the number of retrains."""
    promoted_version: str | None
    promoted_for: date | None
    verdicts: tuple[str, ...]
    """The result for each version after the first, in words."""
    pnl_eur: float
    perfect_foresight_eur: float
    foresight_share: float | None
    n_buy: int
    n_sell: int
    n_flat: int
    """Signals of the last day."""
    is_changed: bool
    """Whether the regime change was planted in this zone."""
    events: tuple[Event, ...]
    promotion: Promotion | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoSummary:
    """All zones, and the regime change."""

    scenario: str
    change: str
    """What changed, as the beginning of a sentence."""
    change_day: date
    first_day: date
    last_day: date
    seed: int
    zones: tuple[ZoneSummary, ...] = field(default=())

    def text_of(self, event: Event) -> str:
        """An event in words; the change itself is that of the plan."""
        return f"{self.change}." if event.kind == "change" else event.text

    def as_mapping(self) -> dict[str, Any]:
        """Plain values for `--json`; days as ISO text."""
        return _plain(asdict(self))  # type: ignore[no-any-return]


def daily_errors(forecasts: pl.DataFrame, prices: pl.DataFrame) -> pl.DataFrame:
    """Mean absolute error per zone, day, role and model version.

    It also has the naive forecast's error, whose forecast is the price a week before.
    """
    scored = [
        scored_forecasts(own, prices.filter(pl.col("zone") == zone), zone=str(zone))
        for (zone,), own in forecasts.partition_by("zone", as_dict=True, maintain_order=True).items()
    ]
    groups = ["zone", "delivery_day", "role", "model_version", "source"]
    outcome = pl.col("price_eur_per_mwh")
    return (
        pl.concat(scored)
        .drop_nulls("price_eur_per_mwh")
        .group_by(groups)
        .agg(
            mae_eur_per_mwh=(pl.col("price_point_eur_per_mwh") - outcome).abs().mean(),
            naive_mae_eur_per_mwh=(pl.col("naive_eur_per_mwh") - outcome).abs().mean(),
        )
        .sort(groups)
    )


def summarise_zone(
    tables: Tables, zone: str, *, change_day: date, last_day: date, is_changed: bool = True
) -> ZoneSummary:
    """The summary of one zone.

    `last_day` is the day whose signals are the newest. `is_changed` says whether the change was planted here.
    """
    own = {name: frame.filter(pl.col("zone") == zone) for name, frame in tables.items()}
    errors = daily_errors(own["day_ahead_forecasts"], own["day_ahead_prices"])
    champion = errors.filter(pl.col("role") == "champion")
    new = _first_new_version(champion, change_day)
    before, after = (
        champion.filter(pl.col("delivery_day") < change_day),
        champion.filter(pl.col("delivery_day") >= change_day),
    )
    serves_new = pl.col("delivery_day") >= (new[1] if new else last_day + timedelta(days=1))
    same_old, same_new = _same_days(errors, new)
    drift, worse = (_alert_days(own[name]) for name in ("feature_drift", "forecast_performance"))
    # Where nothing changed, every alarm is a false one.
    drift_since = change_day if is_changed else last_day + timedelta(days=1)
    found, noticed = drift.filter(drift >= drift_since), worse.filter(worse >= drift_since)
    money = own["settlements"].filter(pl.col("role") == "champion")
    pnl, best = (float(money[name].sum()) for name in ("pnl_eur", "perfect_foresight_eur"))
    sides = (
        own["signals"]
        .filter(pl.col("role") == "champion", pl.col("delivery_day") == last_day)["side"]
        .to_list()
    )
    return ZoneSummary(
        zone=zone,
        n_forecast_days=champion["delivery_day"].n_unique(),
        mae_before=_mean(before),
        mae_after=_mean(after),
        mae_after_old=_mean(after.filter(~serves_new)),
        mae_after_new=_mean(after.filter(serves_new)),
        mae_same_days_old=same_old,
        mae_same_days_new=same_new,
        rmae=_ratio(_mean(champion), _mean(champion, "naive_mae_eur_per_mwh")),
        n_false_alarms=int((drift < drift_since).sum()),
        drift_found=found[0] if len(found) else None,
        n_days_to_drift=(found[0] - change_day).days if len(found) else None,
        n_days_to_worse_performance=(noticed[0] - change_day).days if len(noticed) else None,
        retrains=tuple(
            _retrain_text(row)
            for row in own["retrain_requests"].sort("requested_at_utc").iter_rows(named=True)
        ),
        n_retrains=dict(own["retrain_requests"].group_by("cause").len().sort("cause").iter_rows()),
        promoted_version=new[0] if new else None,
        promoted_for=new[1] if new else None,
        verdicts=tuple(_verdicts(own["promotion_decisions"], own["retrain_requests"])),
        pnl_eur=pnl,
        perfect_foresight_eur=best,
        foresight_share=_ratio(pnl, best),
        n_buy=sides.count("buy"),
        n_sell=sides.count("sell"),
        n_flat=sides.count("flat"),
        is_changed=is_changed,
        events=tuple(story_of(tables, zone, change_day=change_day if is_changed else None)),
        promotion=promotion_of(tables, zone, change_day=change_day) if is_changed else None,
    )


def _first_new_version(champion: pl.DataFrame, change_day: date) -> tuple[str, date] | None:
    """The first version that served from a day after the change, and that day."""
    first = (
        champion.group_by("model_version")
        .agg(pl.col("delivery_day").min())
        .filter(pl.col("delivery_day") > change_day)
        .sort("delivery_day")
    )
    return first.row(0) if first.height else None


def _same_days(errors: pl.DataFrame, new: tuple[str, date] | None) -> tuple[float | None, float | None]:
    if new is None:
        return None, None
    shadow = errors.filter(
        pl.col("role") == "challenger", pl.col("model_version") == new[0], pl.col("delivery_day") < new[1]
    )
    served = errors.filter(
        pl.col("role") == "champion", pl.col("delivery_day").is_in(shadow["delivery_day"].to_list())
    )
    return _mean(served), _mean(shadow)


def _alert_days(verdicts: pl.DataFrame) -> pl.Series:
    """Days on which a monitor raised an alert, ascending."""
    return (
        verdicts.filter(pl.col("status") == "alert")
        .select("delivery_day")
        .unique()
        .sort("delivery_day")["delivery_day"]
    )


def _retrain_text(row: Mapping[str, Any]) -> str:
    return f"{delivery_day_of(str(row['zone']), row['requested_at_utc'])} {row['cause']}: {row['status']}"


def _verdicts(decisions: pl.DataFrame, requests: pl.DataFrame) -> Iterator[str]:
    """One line per version that was a challenger, from its newest decision."""
    causes = dict(requests.select("request_id", "cause").iter_rows())
    of_price = decisions.filter(pl.col("model").is_null() | pl.col("model").str.starts_with(PRICE_FAMILY))
    newest = (
        of_price.filter(pl.col("champion_version").is_not_null())
        .sort("decided_at_utc")
        .unique("candidate_version", keep="last")
    )
    for row in newest.sort(pl.col("candidate_version").cast(pl.Int64, strict=False)).iter_rows(named=True):
        cause = str(causes.get(row["cause"], row["cause"])).replace("_", " ")
        outcome = _OUTCOMES.get(row["action"], row["action"])
        yield (
            f"v{row['candidate_version']} ({cause}): {outcome} on"
            f" {row['decided_at_utc']:%Y-%m-%d}{_evidence(row)}"
        )


def _evidence(row: Mapping[str, Any]) -> str:
    ours, theirs = row["candidate_loss_eur_per_mwh"], row["champion_loss_eur_per_mwh"]
    if ours is None or theirs is None:
        return f": {row['reasons']}"
    return (
        f", error {ours:.2f} against {theirs:.2f} of v{row['champion_version']} on the same {row['n_days']}"
        " days"
    )


def _mean(errors: pl.DataFrame, column: str = "mae_eur_per_mwh") -> float | None:
    mean = errors[column].mean()
    return None if mean is None else float(mean)  # type: ignore[arg-type]


def _ratio(part: float | None, whole: float | None) -> float | None:
    return None if part is None or not whole or whole <= 0 else part / whole


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _plain(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    return value.isoformat() if isinstance(value, date) else value
