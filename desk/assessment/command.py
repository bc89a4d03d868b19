"""`spotdesk assess`: from a new zone to "trade" or "do not trade, because", in minutes and without a hand."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import date, timedelta
from typing import Annotated, Any

import polars as pl
import typer
from dagster import DagsterInstance

from desk.assessment.backtest import JUDGED_TABLES, Judgement, judged_beside
from desk.data.history import TROUBLE, load_history
from desk.in_process import ChainFailedError, ChainRunner, train_zone
from desk.screen.console import JsonFlag, emit_json, err, out
from resources.instance.prepare import prepare_dagster_home
from resources.market.live_sources import LiveProviders
from resources.market.market_files import MarketFiles
from resources.plugins.sources import is_live
from resources.settings.desk import desk_resource
from resources.settings.environment import Environment, read_environment
from resources.settings.zones import ZoneSettings
from resources.wall_clock import utc_now
from resources.wiring import make_lake
from spot.backtest.advice import SENSIBLE_DAYS, Advice
from spot.contracts.days import last_day_or_none
from spot.errors import ConfigurationError
from spot.features.matrix import HISTORY_DAYS
from spot.market.delivery import delivery_day_of
from spot.market.zones import find_zone
from spot.risk.exposure import MONEY_KINDS
from trading_assets.partitions import partition_key

_YEARS = timedelta(days=3 * 365)
"""The longest history that a model is trained on in this command. Chosen by hand: the benchmarks of zones in
docs/forecasting.md have three years.
"""


@dataclass(slots=True)
class _Found:
    """What the command learns on its way."""

    zone: str
    tables: dict[str, str] = field(default_factory=dict)
    """Raw table to the sources that have it."""
    n_days: int = 0
    """Days with prices."""
    open_months: list[str] = field(default_factory=list)
    versions: list[str] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def step(self, name: str, words: str) -> Iterator[None]:
        """Tell a step and measure it."""
        err.print(f"{self.zone}: {words} ...", soft_wrap=True)
        started = time.perf_counter()
        yield
        self.seconds[name] = round(time.perf_counter() - started, 1)


def assess(
    *,
    zone: Annotated[str, typer.Option("--zone", help="Bidding zone of the desk.")],
    n_days: Annotated[
        int, typer.Option("--days", min=SENSIBLE_DAYS, help="Newest days of the backtest, at most.")
    ] = 120,
    as_json: JsonFlag = False,
) -> None:
    """Ask the sources what they have of a zone, load it, train, backtest, propose limits, and say what to do.

    Up to three years are loaded. The model of the backtest learns before its first day, and each day is
    decided on what was known at its gate. The limits are a proposal: nothing is written to the settings.

    Exit code 1: do not trade; the reasons are named. Exit code 2: the zone or a setting is wrong.

        spotdesk init ~/desk --zone AT --source energy_charts; spotdesk --home ~/desk assess --zone AT
    """
    name, environment = find_zone(zone).name, read_environment()
    settings = desk_resource(environment, zones=[name]).zone(name)
    found = _Found(name)
    if is_live(settings.source):
        found.tables = _offered(name, settings)
    with found.step("history", "asking what its sources have, and loading up to three years"):
        trouble = _load(environment, found, settings)
    found.tables = found.tables or _held(environment, name, settings)
    judged = Judgement(advice=trouble) if trouble else _trained_and_judged(environment, found, n_days)
    _tell(found, judged.advice, judged.limits, as_json=as_json)
    if not judged.advice.trades:
        raise typer.Exit(1)


def _held(environment: Environment, zone: str, settings: ZoneSettings) -> dict[str, str]:
    """Raw tables of which the ledger has rows of the zone, each with the zone's source."""
    lake = make_lake(environment)
    return {table: settings.source for table in JUDGED_TABLES if lake.newest_day(table, zone) is not None}


def _offered(zone: str, settings: ZoneSettings) -> dict[str, str]:
    """Raw table to the live sources that have it for the zone."""
    providers = LiveProviders()
    who = {
        table: ", ".join(name for name in settings.sources if table in providers.tables(name, zone))
        for table in JUDGED_TABLES
    }
    return {table: names for table, names in who.items() if names}


def _load(environment: Environment, found: _Found, settings: ZoneSettings) -> Advice | None:
    """Bring history into the ledger and make features of it. Why nothing can be traded, where that is so."""
    zone, now = found.zone, utc_now()
    today = delivery_day_of(zone, now)
    only: tuple[str, ...] = ()
    if is_live(settings.source):
        rows = load_history(
            environment,
            [zone],
            (today - _YEARS, today - timedelta(days=1)),
            tables=sorted(found.tables),
            sources=None,
            again=False,
            now=now,
        )
        found.open_months = [
            f"{row['table']} {row['from']:%Y-%m}: {row['detail'] or row['outcome']}"
            for row in rows
            if row["outcome"] in TROUBLE
        ]
        only = ("day_ahead_features",)
    prepare_dagster_home(environment)
    desk = desk_resource(environment, zones=[zone])
    with DagsterInstance.get() as instance:
        runner = ChainRunner(environment, desk, instance)
        last = _newest_day(environment, zone, settings, today)
        since = last - timedelta(days=settings.training_days + settings.evaluation_days + HISTORY_DAYS)
        runner.run("history_loaded", partition_key(zone, last), first_day=since, only=only)
    found.n_days = _prices(environment, zone, settings)["delivery_day"].n_unique()
    needed = settings.minimum_training_days + settings.evaluation_days + SENSIBLE_DAYS
    if found.n_days >= needed:
        return None
    why = f": {found.open_months[0]}" if found.open_months else ""
    text = f"there are prices of {found.n_days} days, {needed} are needed{why}"
    return Advice(trades=False, reasons=(text,))


def _newest_day(environment: Environment, zone: str, settings: ZoneSettings, today: date) -> date:
    """The day up to which to load: of files, the newest one that they or the ledger hold."""
    if settings.source != "files":
        return today
    files = MarketFiles(path=str(environment.market_data))
    held = make_lake(environment).newest_day("day_ahead_prices", zone)
    rows = files.tables(zone).get("day_ahead_prices") if files.of_zone(zone) else None
    newest = None if rows is None else last_day_or_none(rows)
    return max((day for day in (held, newest) if day is not None), default=today)


def _prices(environment: Environment, zone: str, settings: ZoneSettings) -> pl.DataFrame:
    rows = make_lake(environment).read("day_ahead_prices", zones=[zone])
    return rows.filter(pl.col("source").is_in(list(settings.sources)))


def _trained_and_judged(environment: Environment, found: _Found, n_days: int) -> Judgement:
    """Train a version on all days. Beside it, backtest the newest with a model that knew none of them."""
    zone, desk = found.zone, desk_resource(environment, zones=[found.zone])
    settings = desk.zone(zone)
    last = _prices(environment, zone, settings)["delivery_day"].max()
    if not isinstance(last, date):
        raise ConfigurationError(f"{zone}: no prices")
    spare = found.n_days - settings.minimum_training_days - settings.evaluation_days
    first = last - timedelta(days=min(n_days, spare) - 1)
    words = f"backtest of {first} to {last}, as known at each gate; beside it, training on days up to {last}"
    with judged_beside(environment.home, zone, first, last) as judged:
        with found.step("training", words), DagsterInstance.get() as instance:
            runner = ChainRunner(environment, desk, instance)
            try:
                train_zone(runner, zone, last, cause="person", detail="spotdesk assess")
            except ChainFailedError as error:
                return Judgement.without(f"no model could be trained: {error}")
            found.versions = [f"{version.label} ({version.stage})" for version in runner.report.trained]
        with found.step("backtest", "waiting for the backtest"):
            return judged.result()


def _tell(found: _Found, advice: Advice, limits: Mapping[str, float], *, as_json: bool) -> None:
    if as_json:
        facts: dict[str, Any] = asdict(found) | {"advice": asdict(advice), "proposed_limits": dict(limits)}
        emit_json(facts)
        return
    has = "; ".join(f"{table} from {names}" for table, names in found.tables.items())
    out.print(f"data: {has or 'none'}", soft_wrap=True)
    out.print(f"days with prices: {found.n_days}", soft_wrap=True)
    for text in found.open_months[:5]:
        out.print(f"open: {text}", soft_wrap=True, markup=False)
    if found.versions:
        out.print(f"trained: {', '.join(found.versions)}", soft_wrap=True)
    if limits:
        out.print("proposed limits, for conf/risk_limits.yaml below zones:")
        out.print(f"  {found.zone}:")
        for kind, value in limits.items():
            action = "halt" if kind in MONEY_KINDS else "reduce"
            out.print(f"    {kind}: {{limit: {value:g}, action: {action}}}", markup=False)
    for reason in advice.reasons:
        out.print(f"- {reason}", soft_wrap=True, markup=False)
    seconds = sum(found.seconds.values())
    verdict = (
        f"trade on paper with {', '.join(advice.strategies)}"
        if advice.trades
        else f"do not trade, because {advice.reasons[-1]}"
    )
    out.print(f"[bold]{found.zone}: {verdict}[/bold] ({seconds:.0f} s)", soft_wrap=True)
