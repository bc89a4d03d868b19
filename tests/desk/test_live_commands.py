"""`spotdesk init`, `doctor` and `backfill`, as a desk runs them."""

import json
import stat
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import polars as pl
import pytest
import yaml
from typer.testing import CliRunner, Result

import desk.data.history
from desk.main import app
from resources.home.make import make_home
from resources.lake.lake import Lake
from resources.market.live_sources import make_live_market
from resources.settings.acceptance.changes import digest_of
from resources.settings.acceptance.in_force import DIGEST_VARIABLE
from resources.settings.environment import read_environment
from resources.wiring import make_lake
from spot.errors import ConfigurationError, SourceUnavailableError
from spot.market.delivery import days_between, delivery_day_of, delivery_starts_utc
from spot.sources.parsed import Capture
from spot.sources.providers.ecb import parse_ecb
from tests.support.made_up_rows import made_up
from tests.support.provider_server import FaultyProvider, faulty_provider, sends, stays_silent
from tests.support.us_documents import ecb_body

RUNNER = CliRunner()
GROUPS = ["settlement_spread", "storage_groups"]
"""What a zone gets whose exchange takes exclusive groups."""


@pytest.fixture
def home(tmp_path: Path, project_root: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    conf = tmp_path / "conf"
    (conf / "strategies").mkdir(parents=True)
    (conf / "models").mkdir()
    for path in (project_root / "resources/home/templates/conf").rglob("*.yaml"):
        name = path.relative_to(project_root / "resources/home/templates/conf")
        (conf / name).write_text(path.read_text())
    make_home(tmp_path / "home")
    monkeypatch.setenv("SPOTDESK_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("SPOTDESK_CONF", str(conf))
    monkeypatch.delenv("SPOTDESK_ENTSOE_TOKEN", raising=False)
    return tmp_path


def call(*words: str) -> Result:
    return RUNNER.invoke(app, list(words))


def must(*words: str) -> None:
    done = call(*words)
    assert done.exit_code == 0, (done.output, done.exception)


def test_init_writes_zones_and_a_token_that_only_its_owner_reads(home: Path) -> None:
    (home / "home" / ".env").write_text("SPOTDESK_WEBHOOK_URL=x\n")
    done = call(
        "init",
        "--zone",
        "DE_LU",
        "--zone",
        "NL",
        "--source",
        "entsoe",
        "--fallback",
        "smard",
        "--entsoe-token",
        "secret-1",
        "--json",
    )
    assert done.exit_code == 0, done.output
    assert "secret-1" not in done.output
    zones = yaml.safe_load((home / "conf" / "zones.yaml").read_text())
    assert list(zones["zones"]) == ["DE_LU", "NL"]
    assert zones["zones"]["NL"] == {
        "source": "entsoe",
        "fallback_sources": {"day_ahead_prices": ["smard"]},
        "strategies": GROUPS,
    }
    assert zones["defaults"]["training_days"] == 730
    assert (home / "home" / ".env").read_text() == "SPOTDESK_WEBHOOK_URL=x\nSPOTDESK_ENTSOE_TOKEN=secret-1\n"
    assert stat.S_IMODE((home / "home" / ".env").stat().st_mode) == 0o600


def test_init_keeps_what_a_zone_has_and_loses_nothing_unasked(home: Path) -> None:
    path = home / "conf" / "zones.yaml"
    assert call("init", "--zone", "DE_LU", "--source", "energy_charts").exit_code == 0
    path.write_text(path.read_text() + "    training_days: 400\n")
    assert call("init", "--zone", "DE_LU", "--source", "smard").exit_code == 0
    assert yaml.safe_load(path.read_text())["zones"]["DE_LU"]["training_days"] == 400
    before = path.read_text()
    with pytest.raises(Exception, match="settings of their own"):
        raise call("init", "--zone", "NL", "--source", "smard").exception  # type: ignore[misc]
    assert path.read_text() == before
    assert call("init", "--zone", "NL", "--source", "smard", "--force").exit_code == 0


@pytest.mark.parametrize(
    "words",
    [
        ("--zone", "XX", "--source", "smard"),
        ("--zone", "NL", "--source", "nope"),
        ("--zone", "NL"),
        ("--source", "smard"),
    ],
)
def test_init_refuses_what_it_does_not_know(words: tuple[str, ...], home: Path) -> None:
    before = (home / "conf" / "zones.yaml").read_text()
    assert call("init", *words).exit_code != 0
    assert (home / "conf" / "zones.yaml").read_text() == before


def test_doctor_says_what_a_fresh_desk_lacks(home: Path) -> None:
    must("init", "--zone", "NL", "--source", "energy_charts")
    done = call("doctor", "--offline", "--json")
    assert done.exit_code == 1
    found = {(row["zone"], row["subject"]): row["state"] for row in json.loads(done.stdout)}
    assert found["NL", "day_ahead_prices"] == "fail"
    assert found["NL", "champion"] == "fail"
    assert found["NL", "load_forecasts"] == "warn"
    assert found["desk", "risk limits"] == "ok"
    assert not any(subject.startswith("reach") for _, subject in found)


def test_doctor_reads_the_settings_that_the_next_run_needs(home: Path) -> None:
    must("init", "--zone", "NL", "--source", "energy_charts")

    def verdicts() -> dict[str, str]:
        return {
            row["subject"]: row["state"] for row in json.loads(call("doctor", "--offline", "--json").stdout)
        }

    asked = ("monitoring settings", "promotion settings", "model profile fast")
    found = verdicts()
    assert [found[subject] for subject in asked] == ["ok", "ok", "ok"]
    (home / "conf" / "monitoring.yaml").unlink()
    (home / "conf" / "promotion.yaml").write_text("nonsense: 1\n")
    (home / "conf" / "models" / "fast.yaml").unlink()
    found = verdicts()
    assert [found[subject] for subject in asked] == ["fail", "fail", "fail"]


def test_init_adds_a_zone_beside_the_others_and_forgets_fallbacks_that_are_not_named(home: Path) -> None:
    path = home / "conf" / "zones.yaml"
    assert call("init", "--zone", "DE_LU", "--source", "energy_charts", "--fallback", "smard").exit_code == 0
    path.write_text(path.read_text() + "    training_days: 400\n")
    done = call("init", "--add", "--zone", "NL", "--source", "entsoe", "--own-forecasts")
    assert done.exit_code == 0, done.output
    zones = yaml.safe_load(path.read_text())["zones"]
    assert (list(zones), zones["DE_LU"]["training_days"], zones["NL"]) == (
        ["DE_LU", "NL"],
        400,
        {"source": "entsoe", "own_forecasts": True, "strategies": GROUPS},
    )
    assert "SPOTDESK_ENTSOE_TOKEN" in done.output
    assert "spotdesk backfill --zone NL --from" in done.output
    assert call("init", "--add", "--zone", "DE_LU", "--source", "smard").exit_code == 0
    assert yaml.safe_load(path.read_text())["zones"]["DE_LU"] == {
        "training_days": 400,
        "source": "smard",
        "strategies": GROUPS,
    }


def test_doctor_agrees_with_status_on_the_source_in_use_and_judges_only_what_is_delivered(home: Path) -> None:
    must("init", "--zone", "NL", "--source", "energy_charts")
    lake, day = Lake(uri=str(home / "home" / "lake")), date(2025, 10, 10)
    forecast = made_up(
        "day_ahead_forecasts", {"zone": "NL", "delivery_day": day, "source": "files", "role": "champion"}
    )
    lake.replace("day_ahead_forecasts", forecast, zone="NL", first_day=day, last_day=day)
    found = {
        row["subject"]: row
        for row in json.loads(call("doctor", "--offline", "--json").stdout)
        if row["zone"] == "NL"
    }
    (shown,) = json.loads(call("status", "--json").stdout)["zones"]
    assert shown["source"] == "files"
    assert found["source in use"]["state"] == "warn"
    assert "stands on files" in found["source in use"]["detail"]
    assert found["imbalance_prices"]["state"] == "ok", "no source of the zone has it: it cannot be late"
    assert "not published by energy_charts" in found["imbalance_prices"]["detail"]


def test_doctor_says_which_table_is_to_be_brought_as_a_file(home: Path) -> None:
    must("init", "--zone", "GB", "--source", "elexon", "--fallback", "files")
    found = {
        row["subject"]: row
        for row in json.loads(call("doctor", "--offline", "--json").stdout)
        if row["zone"] == "GB"
    }
    assert "spotdesk ingest FILE --zone GB" in found["day_ahead_prices"]["detail"]
    assert "spotdesk backfill --zone GB" in found["load_forecasts"]["detail"]


def test_doctor_waits_for_a_silent_host_once_and_names_it(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    must("init", "--zone", "NL", "--zone", "BE", "--source", "energy_charts")
    with faulty_provider() as server:
        server.plan = [stays_silent(30.0)]
        monkeypatch.setenv("SPOTDESK_PROVIDER_URLS", f"energy_charts={server.url}")
        monkeypatch.setattr("desk.setup.probe.READ_SECONDS", 0.5)
        done = call("doctor", "--json")
        assert len(server.asked) == 1
    reach = {
        row["zone"]: row["detail"] for row in json.loads(done.stdout) if row["subject"].startswith("reach")
    }
    assert done.exit_code == 1
    assert "ReadTimeout" in reach["NL"]
    assert "not asked again" in reach["BE"]


def test_run_says_at_once_that_a_live_source_does_not_answer(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SPOTDESK_PROVIDER_URLS", "energy_charts=http://127.0.0.1:9")
    days = ("--zone", "NL", "--from", "2025-01-01", "--to", "2025-01-02")
    with pytest.raises(SourceUnavailableError, match=r"no connection to 127.0.0.1"):
        raise call("run", "--source", "energy_charts", *days).exception  # type: ignore[misc]
    with pytest.raises(ConfigurationError, match="SPOTDESK_ENTSOE_TOKEN"):
        raise call("run", "--source", "entsoe", *days).exception  # type: ignore[misc]


class Charts:
    """A provider that answers every request for prices with exactly the days it names."""

    def __init__(self, server: FaultyProvider) -> None:
        self.server = server
        server.routes["/price"] = self._answer

    def _answer(self, handler: object) -> None:
        query = parse_qs(urlsplit(self.server.asked[-1]).query)
        first, end = (datetime.fromisoformat(query[name][0]) for name in ("start", "end"))
        days = [
            day
            for day in days_between(delivery_day_of("NL", first), delivery_day_of("NL", end))
            if delivery_starts_utc("NL", day)[0] < end
        ]
        starts = [int(start.timestamp()) for day in days for start in delivery_starts_utc("NL", day)]
        price = [50.0 + (start // 3600) % 24 + 20.0 * ((start // 3600) % 24 > 16) for start in starts]
        body = json.dumps(
            {"unix_seconds": starts, "price": price, "unit": "EUR/MWh", "deprecated": False}
        ).encode()
        sends(body)(handler)  # type: ignore[arg-type]


@pytest.fixture
def charts(monkeypatch: pytest.MonkeyPatch) -> Iterator[Charts]:
    with faulty_provider() as server:
        monkeypatch.setenv("SPOTDESK_PROVIDER_URLS", f"energy_charts={server.url}")
        yield Charts(server)


BACKFILL = (
    "backfill",
    "--zone",
    "NL",
    "--from",
    "2024-02-10",
    "--to",
    "2024-04-05",
    "--source",
    "energy_charts",
    "--table",
    "day_ahead_prices",
)


def test_backfill_goes_month_by_month_and_does_nothing_twice(home: Path, charts: Charts) -> None:
    done = call(*BACKFILL, "--json")
    assert done.exit_code == 0, done.output
    assert [row["outcome"] for row in json.loads(done.stdout)] == ["loaded"] * 3
    rows = Lake(uri=str(home / "home" / "lake")).read("day_ahead_prices", zones=["NL"])
    assert rows["delivery_day"].unique().sort().to_list() == list(
        days_between(date(2024, 2, 10), date(2024, 4, 5))
    )
    assert rows["availability"].unique().to_list() == ["rule"]
    n_asked = len(charts.server.asked)
    assert json.loads(call(*BACKFILL, "--json").stdout) == []
    assert len(charts.server.asked) == n_asked
    again = json.loads(call(*BACKFILL, "--again", "--json").stdout)
    assert [row["outcome"] for row in again] == ["nothing new"] * 3


def test_backfill_goes_on_after_a_failed_month(home: Path, charts: Charts) -> None:
    charts.server.plan, routes = [sends(b"", 405)], dict(charts.server.routes)
    charts.server.routes.clear()
    assert call(*BACKFILL, "--json").exit_code == 1
    charts.server.routes.update(routes)
    done = call(*BACKFILL, "--json")
    assert [row["outcome"] for row in json.loads(done.stdout)] == ["loaded"] * 3


def test_backfill_gives_up_soon_where_nobody_answers_and_goes_on_later(
    home: Path, charts: Charts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SPOTDESK_PROVIDER_URLS", "energy_charts=http://127.0.0.1:9")
    done = call(*BACKFILL, "--json")
    assert done.exit_code == 1
    rows = json.loads(done.stdout)
    assert [row["outcome"] for row in rows] == ["no answer", "no answer", "not asked"]
    assert "no connection to 127.0.0.1" in rows[0]["detail"]
    monkeypatch.setenv("SPOTDESK_PROVIDER_URLS", f"energy_charts={charts.server.url}")
    again = call(*BACKFILL, "--json")
    assert [row["outcome"] for row in json.loads(again.stdout)] == ["loaded"] * 3


def test_backfill_loads_all_tables_and_the_weather_runs_of_a_zone_with_own_forecasts(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    market = make_live_market(Lake(uri=str(home / "lake")), home / "http", secret=lambda _: "x")
    (home / "conf" / "zones.yaml").write_text("zones: {NL: {source: entsoe, own_forecasts: true}}\n")
    monkeypatch.setenv(DIGEST_VARIABLE, digest_of(home / "conf"))
    sources = desk.data.history.sources_of("NL", None)
    tables = {
        task.table
        for task in desk.data.history.tasks_of(
            market, "NL", sources, None, (date(2025, 1, 1), date(2025, 1, 31))
        )
    }
    assert {
        "weather_forecasts",
        "outages",
        "net_positions",
        "cross_border_flows",
        "imbalance_price_sides",
        "load_actuals",
    } <= tables


def test_backfill_wants_a_live_source_and_a_table_that_it_has(home: Path) -> None:
    for words in (
        ("--source", "files"),
        ("--source", "energy_charts", "--table", "outages"),
        ("--to", "2020-01-01", "--source", "smard"),
        (),
    ):
        assert call("backfill", "--zone", "NL", "--from", "2024-02-10", *words).exit_code != 0


def test_ingest_takes_a_tidy_file_once_and_refuses_a_bad_one_whole(home: Path) -> None:
    head = "table,series,delivery_start,resolution_minutes,value"
    starts = [
        start
        for day in days_between(date(2024, 2, 1), date(2024, 2, 20))
        for start in delivery_starts_utc("NL", day)
    ]
    lines = [
        f"day_ahead_prices,day_ahead,{start:%Y-%m-%dT%H:%MZ},60,{60 + start.hour + start.day}"
        for start in starts
    ]
    good, bad = home / "good.csv", home / "bad.csv"
    good.write_text("\n".join([head, *lines]))
    bad.write_text("\n".join([head, *(line.replace(",60,", ",60,-") for line in lines[240:])]))
    (first,) = json.loads(call("ingest", str(good), "--zone", "NL", "--json").stdout)
    assert first == {"table": "day_ahead_prices", "rows": 480, "new": 480, "known": 0, "quarantined": 0}
    (again,) = json.loads(call("ingest", str(good), "--zone", "NL", "--json").stdout)
    assert (again["new"], again["known"]) == (0, 480)
    corrected = home / "corrected.csv"
    corrected.write_text("\n".join([head, *lines[:-24], *(f"{line}.5" for line in lines[-24:])]))
    before = datetime.now(UTC)
    (third,) = json.loads(call("ingest", str(corrected), "--zone", "NL", "--json").stdout)
    assert (third["new"], third["known"], third["quarantined"]) == (24, 456, 0)
    last = make_lake(read_environment()).read("day_ahead_prices", zones=["NL"], first_day=date(2024, 2, 20))
    assert last.height == 48
    assert last.filter(pl.col("available_at_utc") >= before).height == 24
    refused = call("ingest", str(bad), "--zone", "NL")
    assert refused.exit_code != 0
    assert "opposite sign" in str(refused.exception)
    for words in (("nowhere.csv", "--zone", "NL"), (str(good), "--zone", "XX")):
        assert call("ingest", *words).exit_code != 0


def test_init_in_an_empty_folder_brings_all_settings_and_gives_each_zone_a_source_that_knows_it(
    tmp_path: Path, project_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SPOTDESK_HOME", str(tmp_path))
    words = (
        "--source",
        "energy_charts",
        "--fallback",
        "smard",
        "--fallback",
        "elexon",
        "--fallback",
        "ercot",
    )
    done = call("init", "--zone", "DE_LU", "--zone", "GB", "--zone", "ERCOT_NORTH_HUB", *words)
    assert done.exit_code == 0, done.output
    assert "GB: none of" in done.output.replace("\n", " ")
    zones = yaml.safe_load((tmp_path / "conf" / "zones.yaml").read_text())["zones"]
    assert [zones[name]["source"] for name in zones] == ["energy_charts", "elexon", "ercot"]
    assert "# profile in conf/models" in (tmp_path / "conf" / "zones.yaml").read_text(), (
        "the defaults come with their words"
    )
    assert zones["ERCOT_NORTH_HUB"]["strategies"] == ["real_time_spread", "storage"]
    given = {
        path.relative_to(project_root / "resources/home/templates/conf")
        for path in (project_root / "resources/home/templates/conf").rglob("*.yaml")
    }
    assert {path.relative_to(tmp_path / "conf") for path in (tmp_path / "conf").rglob("*.yaml")} == given
    template = project_root / "resources/home/templates/conf/zones.yaml"
    assert "ERCOT_NORTH_HUB" not in template.read_text(), "the checkout is never touched"
    with pytest.raises(Exception, match="have nothing for"):
        raise call("init", "--zone", "ERCOT_NORTH_HUB", "--source", "smard", "--force").exception  # type: ignore[misc]


def test_init_puts_keys_of_any_source_where_only_their_owner_reads_them(home: Path) -> None:
    (home / "home" / ".env").write_text("")
    words = ("--secret", "ercot=key-1", "--secret", "ercot_username=me", "--secret", "ercot_password=-")
    done = RUNNER.invoke(
        app, ["init", "--zone", "ERCOT_NORTH_HUB", "--source", "ercot", "--force", *words], input="word-1\n"
    )
    assert done.exit_code == 0, done.output
    assert (
        home / "home" / ".env"
    ).read_text() == "SPOTDESK_ERCOT_KEY=key-1\nSPOTDESK_ERCOT_USERNAME=me\nSPOTDESK_ERCOT_PASSWORD=word-1\n"
    assert "word-1" not in done.output
    assert (
        call("init", "--zone", "NL", "--source", "smard", "--force", "--secret", "unknown=1").exit_code != 0
    )


def test_doctor_says_what_a_zone_cannot_be_traded_for(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("KEY", "USERNAME", "PASSWORD"):
        monkeypatch.delenv(f"SPOTDESK_ERCOT_{name}", raising=False)
    must(
        "init",
        "--zone",
        "GB",
        "--zone",
        "ERCOT_NORTH_HUB",
        "--source",
        "elexon",
        "--fallback",
        "ercot",
        "--force",
    )
    found = {
        (row["zone"], row["subject"]): row for row in json.loads(call("doctor", "--offline", "--json").stdout)
    }
    assert found["GB", "day_ahead_prices"]["state"] == "fail"
    assert "cannot be traded" in found["GB", "day_ahead_prices"]["detail"]
    assert "SPOTDESK_ERCOT_PASSWORD" in found["ERCOT_NORTH_HUB", "key of ercot"]["detail"]
    assert "real_time: 0 days" in found["ERCOT_NORTH_HUB", "strategy real_time_spread"]["detail"]
    assert found["ERCOT_NORTH_HUB", "strategy storage"]["state"] == "ok"


def test_a_file_in_pounds_is_kept_and_converted(home: Path) -> None:
    days = days_between(date(2024, 2, 1), date(2024, 2, 20))
    starts = [start for day in days for start in delivery_starts_utc("GB", day)]
    lines = [
        f"local_currency_prices,day_ahead,{start:%Y-%m-%dT%H:%MZ},30,{60 + start.hour + start.day}"
        for start in starts
    ]
    (home / "gb.csv").write_text("\n".join(["table,series,delivery_start,resolution_minutes,value", *lines]))
    lake = Lake(uri=str(home / "home" / "lake"))
    capture = Capture(zone="GB", captured_at_utc=datetime(2026, 1, 1, tzinfo=UTC), is_backfill=True)
    rates = dict.fromkeys(
        (day for day in days_between(date(2024, 1, 25), date(2024, 2, 12)) if day.weekday() < 5), 0.85
    )
    lake.append(
        "exchange_rates", parse_ecb(ecb_body("GBP", rates), capture).tables["exchange_rates"], source="ecb"
    )
    kept, converted = json.loads(call("ingest", str(home / "gb.csv"), "--zone", "GB", "--json").stdout)
    assert (kept["table"], kept["new"]) == ("local_currency_prices", 960)
    assert (converted["table"], converted["new"]) == ("day_ahead_prices (EUR)", 960)
    assert converted["without_rate"] == 0
    rows = lake.read("day_ahead_prices", zones=["GB"])
    assert rows["price_eur_per_mwh"][0] == pytest.approx(61 / 0.85)
    assert set(rows["resolution_minutes"]) == {30}
