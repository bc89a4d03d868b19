"""Replays a record with the code on the path. Run as a script: `python -P child.py JOB.json`.

The same script runs the release that serves and the candidate, each in a process of its own, with PYTHONPATH
at its tree. So it imports nothing from `desk`, and only functions that both have.
"""

import json
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import polars as pl

from resources.home.make import make_home
from resources.lake.zone_tables import lineage_of, read_raw_tables
from resources.models.version import SPREAD_FAMILY, VersionFacts
from resources.plugins.members import new_forecaster
from resources.settings.environment import read_environment
from resources.settings.model_profiles import model_profile
from resources.settings.risk_limits import read_limit_book
from resources.settings.strategies import strategies_of
from resources.settings.zones import Desk, load_desk_settings, make_desk
from resources.wiring import make_lake, make_registry
from spot.backtest.assumptions import Assumptions
from spot.backtest.data import BacktestData, make_backtest_forecasts
from spot.backtest.trading import BacktestResult, backtest_setup, run_backtest
from spot.errors import SpotdeskError
from spot.features.known_prices import known_prices
from spot.features.matrix import HISTORY_DAYS, build_features, build_panel
from spot.market.delivery import days_between
from spot.market.gates import gate_closure_utc
from spot.risk.outcomes import zone_outcomes
from spot.simulation.market import simulate
from spot.strategy.settle import settle_signals
from spot.strategy.spread.model import CatBoostSpread
from spot.strategy.spread.sources import FittedSpread
from spot.walk.forecasts import ForecastAuthor, forecast_frame, walk_forward
from spot.walk.inputs import Book, empty_book

_ONCE = 100_000
"""Days between two fits of the model of the spread: it is fitted once, before the first day."""
_SHORT = 150
"""Days of history where only one day is asked for."""

Raw = Mapping[str, pl.DataFrame]


def _days(job: Mapping[str, Any]) -> tuple[date, ...]:
    return days_between(date.fromisoformat(job["first_day"]), date.fromisoformat(job["last_day"]))


def _desk(job: Mapping[str, Any]) -> Desk:
    conf = Path(job["conf"])
    return make_desk(conf, load_desk_settings(conf / "zones.yaml"))


def _read(job: Mapping[str, Any], desk: Desk, zone: str, first: date, last: date) -> dict[str, pl.DataFrame]:
    lake = make_lake(read_environment(Path(job["home"])))
    return read_raw_tables(lake, zone, desk.zone(zone), first_day=first, last_day=last)


def _decide(
    job: Mapping[str, Any], desk: Desk, data: BacktestData, days: tuple[date, ...], book: Book
) -> BacktestResult:
    strategies = strategies_of(desk, data.zone)
    limits = read_limit_book(Path(job["conf"]) / "risk_limits.yaml")
    spreads = {one.strategy: FittedSpread(refit_days=_ONCE) for one in strategies if one.needs_spread_model}
    setup = backtest_setup(data, strategies, limits, days, spread_sources=spreads, assumed=Assumptions())
    return run_backtest(replace(setup, book=book), days)


def _forecasts(desk: Desk, zone: str, raw: Raw, days: tuple[date, ...]) -> BacktestData:
    settings = desk.zone(zone)
    forecaster = new_forecaster(model_profile(desk, settings.model))
    return make_backtest_forecasts(
        raw, forecaster, zone=zone, days=days, admit=frozenset(settings.assume_known)
    )


def replay(job: Mapping[str, Any]) -> dict[str, Any]:
    """Train before the first day, then forecast, decide and settle each day, zones in the order of names.

    Later zones see the orders of earlier ones, as on the desk. Frames are written to `out`.
    """
    out, days, desk = Path(job["out"]), _days(job), _desk(job)
    frames: dict[str, list[pl.DataFrame]] = {}
    facts: dict[str, Any] = {"problems": {}, "cpu_seconds": {}, "limits": {}}
    book = empty_book()
    for zone in sorted(job["zones"]):
        begun = time.process_time()
        try:
            since = days[0] - timedelta(days=desk.zone(zone).training_days + HISTORY_DAYS)
            raw = _read(job, desk, zone, since, days[-1])
            data = _forecasts(desk, zone, raw, days)
            made = _decide(job, desk, data, days, book)
        except Exception as error:  # noqa: BLE001 - the finding is that it fails, whatever the error
            facts["problems"][zone] = f"{type(error).__name__}: {error}"
            continue
        book = book.with_rows([made.walked.signals], [made.settlements])
        outcome = zone_outcomes(raw, zone=zone, settled_against="nothing", first_day=days[0])
        for name, frame in {
            "forecasts": data.forecasts,
            "signals": made.walked.signals,
            "bid_curves": made.walked.bid_curves,
            "settlements": made.settlements,
            "conformance": made.walked.conformance,
            "prices": outcome.select(
                "zone",
                "delivery_day",
                "delivery_start_utc",
                price_eur_per_mwh=pl.col("day_ahead_price_eur_per_mwh"),
            ),
        }.items():
            frames.setdefault(name, []).append(frame)
        facts["cpu_seconds"][zone] = time.process_time() - begun
    for name, parts in frames.items():
        pl.concat(parts).write_parquet(out / f"{name}.parquet")
    return facts


def record(job: Mapping[str, Any]) -> dict[str, Any]:
    """Make a desk of simulated zones: its ledger, and a champion of the price for each zone."""
    home, days = Path(job["home"]), _days(job)
    make_home(home, kind="study", settings={"zones.yaml": Path(job["conf"], "zones.yaml").read_text()})
    environment, desk = read_environment(home), _desk(job)
    lake, registry = make_lake(environment), make_registry(environment)
    for zone in job["zones"]:
        settings = desk.zone(zone)
        # Some days more, so that a release may learn from more of them.
        first = days[0] - timedelta(days=settings.training_days + HISTORY_DAYS + 60)
        for table, rows in simulate(zone, first, days[-1], seed=settings.seed).tables.items():
            lake.append(table, rows, source="simulated")
        raw = _read(job, desk, zone, days[0] - timedelta(days=_SHORT), days[-1])
        features = build_features(
            raw, zone=zone, days=days_between(days[0] - timedelta(days=_SHORT - 10), days[-1])
        )
        panel = build_panel(features, raw["day_ahead_prices"], zone=zone)
        document = model_profile(desk, settings.model)
        version = registry.register(
            zone,
            new_forecaster(document).fit(panel).to_files(),
            VersionFacts(
                settings=document,
                metrics={},
                fingerprint=f"record-{zone}",
                lineage=lineage_of(settings),
                trained_from=days[0] - timedelta(days=_SHORT - 10),
                trained_through=days[-1],
                serves_from=days[-1] + timedelta(days=1),
                tags={"data_version": "record"},
            ),
        )
        registry.promote(zone, version.version)
    return {}


def checks(job: Mapping[str, Any]) -> dict[str, Any]:
    """What must hold whatever the figures: no look-ahead, champions that load, the same money per order."""
    desk = _desk(job)
    facts: dict[str, Any] = {"leaks": [], "champions": _unreadable(job), "settled": []}
    days = _days(job)
    for number, zone in enumerate(sorted(job["zones"])):
        day = days[(number + 1) * len(days) // (len(job["zones"]) + 1)]
        try:
            facts["leaks"] += _leaks(job, desk, zone, day)
        except SpotdeskError as error:
            facts["leaks"].append(f"{zone} {day}: {type(error).__name__}: {error}")
        facts["settled"] += _settled_otherwise(job, desk, zone, days)
    return facts


def _leaks(job: Mapping[str, Any], desk: Desk, zone: str, day: date) -> list[str]:
    """Days until `day` whose forecast or orders change with what was published after its gate."""
    gate = gate_closure_utc(zone, day)
    raw = _read(job, desk, zone, day - timedelta(days=_SHORT), day + timedelta(days=2))
    is_later = pl.col("available_at_utc") > gate
    shifted = {
        name: rows.with_columns(
            pl.when(is_later).then(pl.col(column) * 0.5 + 40.0).otherwise(pl.col(column)).alias(column)
            for column, dtype in rows.schema.items()
            if dtype == pl.Float64
        )
        for name, rows in raw.items()
    }
    days = days_between(day - timedelta(days=1), day)
    found, pairs = [], []
    for tables in (raw, shifted):
        data = _forecasts(desk, zone, tables, days)
        pairs.append((data.forecasts, _decide(job, desk, data, days, empty_book()).walked.signals))
    columns = {
        "forecast": [name for name in pairs[0][0].columns if name.startswith("price_")],
        "signals": ["side", "volume_mw", "limit_price_eur_per_mwh"],
    }
    for number, what in enumerate(columns):
        one, other = pairs[0][number], pairs[1][number]
        if not one.select(columns[what]).equals(other.select(columns[what])):
            found.append(f"{what} of {zone} until {day} read what was published after the gate")
    return found


def _unreadable(job: Mapping[str, Any]) -> list[str]:
    """Serving versions that this code does not read, with the reason."""
    registry = make_registry(read_environment(Path(job["home"])))
    found = []
    for zone in sorted(job["zones"]):
        for own in (registry, registry.of_family(SPREAD_FAMILY)):
            champion = own.champion(zone)
            try:
                if champion is None:
                    continue
                if champion.is_spread:
                    CatBoostSpread.from_files(own.files(champion))
                else:
                    own.load(zone, champion.version)
            except Exception as error:  # noqa: BLE001 - the finding is that it fails, whatever the error
                found.append(f"{zone} version {champion.version if champion else '?'}: {error}")
    return found


def _settled_otherwise(
    job: Mapping[str, Any], desk: Desk, zone: str, days: tuple[date, ...]
) -> list[dict[str, Any]]:
    """Strategies whose same orders earn another sum here than where they were made, EUR."""
    folder = Path(job["settle"])
    signals, curves, stored = (
        pl.read_parquet(folder / f"{name}.parquet").filter(pl.col("zone") == zone)
        for name in ("signals", "bid_curves", "settlements")
    )
    raw = _read(job, desk, zone, days[0], days[-1])
    found = []
    for strategy in strategies_of(desk, zone):
        own = pl.col("strategy") == strategy.strategy
        before = stored.filter(own)
        outcomes = zone_outcomes(raw, zone=zone, settled_against=strategy.settled_against, first_day=days[0])
        ours = settle_signals(signals.filter(own), outcomes, strategy, bid_curves=curves)
        both = before.join(ours.select("signal_id", now=pl.col("pnl_eur")), on="signal_id", how="left")
        gap = float((both["pnl_eur"] - both["now"].fill_null(0.0)).abs().max() or 0.0)  # type: ignore[arg-type]
        if gap > 0.01:
            found.append(
                {
                    "zone": zone,
                    "strategy": strategy.strategy,
                    "was_eur": float(before["pnl_eur"].sum()),
                    "is_eur": float(ours["pnl_eur"].sum()),
                }
            )
    return found


def serve(job: Mapping[str, Any]) -> None:
    """For each line of standard input, work one day and say what each stage took, in CPU seconds."""
    desk, days = _desk(job), _days(job)
    zone, day = min(job["zones"]), days[-1]
    since = day - timedelta(days=_SHORT)
    raw = _read(job, desk, zone, since, day)
    settings = desk.zone(zone)
    strategies = strategies_of(desk, zone)
    limits = read_limit_book(Path(job["conf"]) / "risk_limits.yaml")
    spreads = {one.strategy: FittedSpread(refit_days=_ONCE) for one in strategies if one.needs_spread_model}
    span = days_between(since + timedelta(days=HISTORY_DAYS + 1), day)
    for _ in sys.stdin:
        took: dict[str, float] = {}
        with _timed(took, "features"):
            features = build_features(raw, zone=zone, days=span, admit=frozenset(settings.assume_known))
        panel = build_panel(features, raw["day_ahead_prices"], zone=zone)
        published = known_prices(raw["day_ahead_prices"], zone=zone, first_day=span[0], last_day=day)
        with _timed(took, "training"):
            known = published.as_of(panel.first(len(span) - 1), gate_closure_utc(zone, day))
            fitted = new_forecaster(model_profile(desk, settings.model)).fit(known)
        with _timed(took, "forecast"):
            walked = walk_forward(fitted, panel, [day], published=published)
        author = ForecastAuthor(model_name=f"price_{zone}", model_version="1", role="champion")
        data = BacktestData(
            zone=zone, raw=raw, forecasts=forecast_frame(walked, features, author), features=features
        )
        with _timed(took, "decision"):
            setup = backtest_setup(
                data, strategies, limits, [day], spread_sources=spreads, assumed=Assumptions()
            )
            run_backtest(setup, [day])
        sys.stdout.write(json.dumps(took) + "\n")
        sys.stdout.flush()


@contextmanager
def _timed(took: dict[str, float], name: str) -> Iterator[None]:
    begun = time.process_time()
    yield
    took[name] = time.process_time() - begun


def main() -> None:
    """Do the job and write what it found beside the job."""
    path = Path(sys.argv[1])
    job = json.loads(path.read_text())
    if job["job"] == "serve":
        serve(job)
        return
    facts = {"record": record, "replay": replay, "checks": checks}[job["job"]](job)
    path.with_suffix(".facts.json").write_text(json.dumps(facts))


if __name__ == "__main__":
    main()
