"""The story of the demo, read from the tables: what happened in a zone, in order, and on which evidence."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Literal, get_args

import polars as pl

from resources.models.version import PRICE_FAMILY
from spot.market.clock import local_time
from spot.market.delivery import delivery_day_of

Tables = Mapping[str, pl.DataFrame]
Kind = Literal["change", "drift", "bad_data", "retrain", "shadow", "ended", "promotion"]
CAUSES = {
    "drift": "drift",
    "performance": "worse forecasts",
    "estimated_performance": "forecasts that are expected to be worse",
    "schedule": "the schedule",
    "code": "new code",
    "person": "a person",
}
_KINDS: tuple[Kind, ...] = get_args(Kind)
_OUTCOMES: dict[str, tuple[Kind, str]] = {
    "to_challenger": ("shadow", "runs in the shadow of v{old}"),
    "promote": ("promotion", "has won against v{old} and becomes champion"),
    "reject": ("ended", "is rejected beside v{old}"),
    "expire": ("ended", "leaves the shadow of v{old} without a significant gain"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that happened in a zone on a day, in words."""

    day: date
    """Delivery day that it is about; of a decision, the day on which it was taken."""
    kind: Kind
    text: str
    version: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Promotion:
    """The first new champion after the change, and its evidence."""

    version: str
    old_version: str
    decided: date
    """Day of the decision."""
    serves_from: date
    n_days: int
    old_mae_eur_per_mwh: float
    new_mae_eur_per_mwh: float
    """Errors on the same days, on which the new version ran in shadow."""


def story_of(tables: Tables, zone: str, *, change_day: date | None) -> list[Event]:
    """Events of the zone, oldest first. `change_day` is None where no change was planted."""
    own = {name: frame.filter(pl.col("zone") == zone) for name, frame in tables.items()}
    events = [*_bad_data(own, zone), *_versions(own, zone, change_day)]
    if change_day is not None:
        events += [Event(day=change_day, kind="change", text="The market changes."), *_drift(own, change_day)]
    return sorted(events, key=lambda event: (event.day, _KINDS.index(event.kind)))


def promotion_of(tables: Tables, zone: str, *, change_day: date) -> Promotion | None:
    """The first promotion of a price model after the change, with errors of both on the same days."""
    decisions = _price_decisions(tables["promotion_decisions"].filter(pl.col("zone") == zone))
    for row in decisions.filter(pl.col("action") == "promote").iter_rows(named=True):
        decided = delivery_day_of(zone, row["decided_at_utc"])
        if decided < change_day or row["champion_loss_eur_per_mwh"] is None:
            continue
        served = tables["day_ahead_forecasts"].filter(
            pl.col("zone") == zone,
            pl.col("role") == "champion",
            pl.col("model_version") == row["candidate_version"],
        )
        first = served["delivery_day"].min()
        return Promotion(
            version=row["candidate_version"],
            old_version=row["champion_version"],
            decided=decided,
            serves_from=first if isinstance(first, date) else decided + timedelta(days=1),
            n_days=row["n_days"],
            old_mae_eur_per_mwh=row["champion_loss_eur_per_mwh"],
            new_mae_eur_per_mwh=row["candidate_loss_eur_per_mwh"],
        )
    return None


def _price_decisions(decisions: pl.DataFrame) -> pl.DataFrame:
    is_price = pl.col("model").is_null() | pl.col("model").str.starts_with(PRICE_FAMILY)
    return decisions.filter(is_price).sort("decided_at_utc")


def _drift(own: Tables, change_day: date) -> list[Event]:
    """The first day after the change on which drift was reported."""
    alerts = own["feature_drift"].filter(pl.col("status") == "alert", pl.col("delivery_day") >= change_day)
    if alerts.is_empty():
        return []
    day = alerts["delivery_day"].min()
    assert isinstance(day, date)  # noqa: S101 - the table has rows
    reasons = "; ".join(alerts.filter(pl.col("delivery_day") == day)["reason"].to_list())
    return [
        Event(
            day=day,
            kind="drift",
            text=f"Drift found, {(day - change_day).days} days later: {_plain(reasons)}.",
        )
    ]


def _versions(own: Tables, zone: str, change_day: date | None) -> list[Event]:
    """Retrains of the price model, and what became of each version. The first champion is none of them."""
    causes = dict(own["retrain_requests"].select("request_id", "cause").iter_rows())
    events: list[Event] = []
    seen: set[str] = set()
    for row in _price_decisions(own["promotion_decisions"]).iter_rows(named=True):
        if row["champion_version"] is None:
            continue
        version, day = str(row["candidate_version"]), delivery_day_of(zone, row["decided_at_utc"])
        if version not in seen:
            cause = str(causes.get(row["cause"], row["cause"]))
            text = f"v{version} is trained, because of {CAUSES.get(cause, cause)}."
            events.append(Event(day=day, kind="retrain", text=text, version=version))
        seen.add(version)
        kind, words = _OUTCOMES.get(row["action"], ("ended", str(row["action"])))
        text = f"v{version} {words.format(old=row['champion_version'])}.{_errors(row)}"
        if kind == "shadow" and change_day is not None and _is_early(day, change_day):
            text += " It has not learnt any day since the change."
        if kind == "ended" and not _errors(row):
            text += f" {row['reasons']}"
        events.append(Event(day=day, kind=kind, text=text, version=version))
    return events


def _is_early(day: date, change_day: date) -> bool:
    """Whether a version of that day, judged on the two weeks before it, has learnt no day of the change."""
    return day - timedelta(days=14) <= change_day


def _errors(row: Mapping[str, Any]) -> str:
    ours, theirs = row["candidate_loss_eur_per_mwh"], row["champion_loss_eur_per_mwh"]
    if ours is None or theirs is None:
        return ""
    return f" Error {ours:.1f} against {theirs:.1f} EUR/MWh on the same {row['n_days']} days."


def _bad_data(own: Tables, zone: str) -> list[Event]:
    """Each day with quarantined values, and whether bad data led to a retrain."""
    started = pl.col("row_json").str.json_path_match("$.delivery_start_utc").str.slice(0, 19)
    rows = (
        own["quarantine"]
        .with_columns(start=started.str.to_datetime(strict=False, time_unit="us", time_zone="UTC"))
        .drop_nulls("start")
        .with_columns(day=local_time(zone, "start").dt.date())
        .group_by("day", "reason")
        .agg(n_values=pl.len())
        .sort("day", "reason")
    )
    is_retrained = own["retrain_requests"].filter(pl.col("cause") != "schedule").height > 0
    end = "" if is_retrained else " No retrain was asked for."
    return [
        Event(
            day=day,
            kind="bad_data",
            text=f"Bad data: {n_values} values are quarantined ({_plain(reason)}).{end}",
        )
        for day, reason, n_values in rows.iter_rows()
    ]


def _plain(text: str) -> str:
    """A reason without the spelling of columns."""
    return text.replace("_mw", "").replace("_", " ")
