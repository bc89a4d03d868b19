"""Where the serving version cannot serve, the next rung does and says so; a replay gives the same rows."""

import shutil
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest

from resources.lake.zone_tables import replace_span
from resources.models.version import ModelVersion
from resources.settings.environment import Environment
from resources.settings.zones import Desk
from resources.wiring import make_lake, make_registry
from spot.contracts.words import NAIVE_VERSION
from spot.lifecycle.fallback import FallbackSettings, why_passed_over
from spot.market.delivery import ZoneDays, days_between
from spot.market.gates import gate_closure_utc
from spot.strategy.proposals.storage import Storage
from spot.strategy.readiness.forecast_readiness import assess_forecast_readiness
from spot.strategy.signals import decide_signals
from tests.support.sample_market import make_request
from tests.support.two_versions import LAST, ZONE, make_two_versions
from workflows.decisions.replay import replay_forecast
from workflows.forecasting.forecast_days import MadeForecasts, write_forecasts

DAYS = days_between(date(2025, 5, 24), LAST)
SPAN = ZoneDays(ZONE, DAYS[0], DAYS[-1])


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, prepared_home: Path) -> Path:
    """Two versions: 2 serves, 1 served before it."""
    folder = tmp_path_factory.mktemp("ladder") / "home"
    folder.mkdir()
    shutil.copy(prepared_home / "mlflow.db", folder / "mlflow.db")
    make_two_versions(folder)
    return folder


@pytest.fixture
def write(home: Path, environment: Environment, desk: Desk) -> Callable[[], MadeForecasts]:
    """Forecasts the span as a run does, on a copy of the home."""
    shutil.copytree(home, environment.home, dirs_exist_ok=True)
    lake, registry = make_lake(environment), make_registry(environment)
    return lambda: write_forecasts(SPAN, lake, desk, registry)[0]


def damage(environment: Environment, version: str) -> ModelVersion:
    """Cut a file of a version."""
    found = make_registry(environment).version(ZONE, version)
    files = [path for path in (environment.home / "models").rglob("*.npz") if found.run_id in str(path)]
    for path in files:
        path.write_bytes(path.read_bytes()[:100])
    assert files
    return found


def settings(environment: Environment, text: str) -> None:
    file = environment.conf_folder / "promotion.yaml"
    file.write_text(file.read_text() + text)


def replayed(environment: Environment, desk: Desk, day: date) -> tuple[str, ...]:
    lake, registry = make_lake(environment), make_registry(environment)
    rows = lake.read("day_ahead_forecasts", zones=[ZONE], first_day=day, last_day=day)
    row = rows.filter(pl.col("role") == "champion").row(0, named=True)
    return replay_forecast(row, lake, desk, registry)[0].differences


def test_the_serving_version_serves_and_nobody_stands_in(write: Callable[[], MadeForecasts]) -> None:
    made = write()
    assert made.versions == ("2",)
    assert made.frame["delivery_day"].n_unique() == len(DAYS)
    assert made.frame["fallback"].null_count() == made.frame.height
    assert made.fallbacks == {}


def test_the_last_good_version_stands_in_for_a_damaged_one(
    write: Callable[[], MadeForecasts], environment: Environment, desk: Desk
) -> None:
    damage(environment, "2")
    made = write()
    assert made.versions == ("1",)
    assert made.problems == ()
    assert made.frame["delivery_day"].n_unique() == len(DAYS)
    (said,) = made.fallbacks
    assert said.startswith("earlier version 1, since version 2: ")
    assert "not those that were registered" in said
    assert made.fallbacks[said] == DAYS[0]
    assert replayed(environment, desk, DAYS[3]) == ()


def test_the_naive_forecast_stands_in_where_no_version_can_be_read(
    write: Callable[[], MadeForecasts], environment: Environment, desk: Desk
) -> None:
    damage(environment, "1")
    damage(environment, "2")
    made = write()
    assert made.versions == (NAIVE_VERSION,)
    for day in DAYS:
        verdict = assess_forecast_readiness(
            made.frame, zone=ZONE, delivery_day=day, as_of_utc=gate_closure_utc(ZONE, day)
        )
        assert verdict.is_ready, verdict.reasons
    prices = make_lake(environment).read("day_ahead_prices", zones=[ZONE], first_day=DAYS[0])
    both = made.frame.join(prices.select("delivery_start_utc", "price_eur_per_mwh"), on="delivery_start_utc")
    inside = both["price_eur_per_mwh"].is_between(
        both["price_q025_eur_per_mwh"], both["price_q975_eur_per_mwh"]
    )
    assert float(inside.cast(pl.Float64).sum()) / both.height > 0.8, "its intervals are honest"
    assert replayed(environment, desk, DAYS[5]) == ()


def test_the_desk_is_flat_where_no_rung_is_left(
    write: Callable[[], MadeForecasts], environment: Environment
) -> None:
    damage(environment, "2")
    settings(environment, "fallback: {earlier_versions: 0, uses_naive: false}\n")
    made = write()
    assert made.frame.is_empty()
    assert len(made.problems) == len(DAYS)
    assert "version 2" in made.problems[0]


def test_a_version_whose_errors_break_the_bound_is_passed_over_and_goes_on_on_paper(
    write: Callable[[], MadeForecasts], environment: Environment
) -> None:
    lake = make_lake(environment)
    good = write().frame
    before = days_between(DAYS[0] - timedelta(days=7), DAYS[0] - timedelta(days=1))
    nonsense = pl.concat(
        good.filter(pl.col("delivery_day") == DAYS[0]).with_columns(
            pl.col("delivery_day", "delivery_start_utc", "as_of_utc", "newest_input_utc").dt.offset_by(
                f"-{(DAYS[0] - day).days}d"
            ),
            price_point_eur_per_mwh=pl.lit(5000.0),
        )
        for day in before
    )
    replace_span(lake, "day_ahead_forecasts", nonsense, ZoneDays(ZONE, before[0], before[-1]))
    made = write()
    by_day = dict(made.frame.group_by("delivery_day").agg(pl.col("model_version").first()).iter_rows())
    assert by_day[DAYS[0]] == "1"
    assert "more than 3 times that of the weekly naive" in next(iter(made.fallbacks))
    assert by_day[DAYS[-1]] == "2", "it serves again once its newest errors hold the bound"
    stored = lake.read("day_ahead_forecasts", zones=[ZONE], first_day=DAYS[0], last_day=DAYS[0])
    assert set(stored.select("role", "model_version").rows()) == {("champion", "1"), ("challenger", "2")}
    again = write().frame
    assert again.equals(made.frame), "the same span gives the same rows"


def test_the_errors_are_those_known_at_the_gate() -> None:
    day = date(2025, 3, 10)
    starts = pl.datetime_range(
        date(2025, 2, 20), date(2025, 3, 12), "1h", time_zone="UTC", eager=True, closed="left"
    )
    prices = pl.DataFrame({"delivery_start_utc": starts, "price_eur_per_mwh": 50.0}).with_columns(
        pl.col("price_eur_per_mwh") + pl.col("delivery_start_utc").dt.day()
    )
    forecasts = pl.DataFrame({"delivery_start_utc": starts, "price_point_eur_per_mwh": 500.0}).with_columns(
        delivery_day=pl.col("delivery_start_utc").dt.date()
    )
    asked = FallbackSettings()
    assert "on the newest 7 days" in why_passed_over(forecasts, prices, day, asked)
    known = prices.filter(pl.col("delivery_start_utc").dt.date() < date(2025, 3, 6))
    assert why_passed_over(forecasts, known, day, asked) == "", "three days are too few"
    right = forecasts.with_columns(price_point_eur_per_mwh=pl.lit(60.0))
    assert why_passed_over(right, prices, day, asked) == ""


def test_the_signals_say_who_stands_in() -> None:
    day = date(2025, 6, 3)
    request = make_request(day, Storage())
    text = "earlier version 1, since version 2: damaged"
    marked = request.forecast.with_columns(fallback=pl.lit(text))
    said = decide_signals(make_request(day, Storage(), forecast=marked)).frame
    assert set(said["fallback"].to_list()) == {text}
    usual = decide_signals(request).frame
    assert usual["fallback"].null_count() == usual.height
