"""A failure raises an alert.

A failed run, a blocking check, a gate that comes near without a signal, a webhook that does not answer.
"""

import http.server
import json
import threading
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from dagster import (
    AssetCheckResult,
    DagsterInstance,
    Definitions,
    asset,
    asset_check,
    build_run_status_sensor_context,
    define_asset_job,
)

from resources.books.chain import Chain
from resources.books.leaving import last_departure
from resources.home.make import make_home
from resources.lake.lake import Lake
from resources.settings.environment import read_environment
from resources.settings.zones import Desk
from resources.trading.alerts import Alerts
from resources.trading.channels import is_channel
from resources.wall_clock import utc_now
from resources.wiring import make_lake
from sensors.alerting import alert_on_failure, silence_before_gate
from spot.strategy.outbox.silence import SilenceVerdict
from tests.sensors.conftest import NOW, TODAY, ZONE
from tests.support.flat_signals import flat_signals


@asset
def broken() -> None:
    raise ValueError("the cable is cut")


@asset
def doubtful() -> None:
    pass


@asset_check(asset=doubtful, blocking=True)
def is_sound() -> AssetCheckResult:
    return AssetCheckResult(passed=False)


@asset(deps=[doubtful])
def later() -> None:
    pass


JOBS = Definitions(
    assets=[broken, doubtful, later],
    asset_checks=[is_sound],
    jobs=[
        define_asset_job("signals_ready", ["broken"]),
        define_asset_job("delivered_days_settled", ["doubtful", "later"]),
    ],
)


@pytest.fixture
def instance() -> Iterator[DagsterInstance]:
    with DagsterInstance.ephemeral() as made:
        yield made


@pytest.mark.parametrize(
    ("job", "kind", "severity", "text"),
    [
        ("signals_ready", "run_failed", "critical", "the cable is cut"),
        ("delivered_days_settled", "blocking_check_failed", "warning", "is_sound"),
    ],
)
def test_a_failed_run_and_a_failed_blocking_check_are_alerts(
    instance: DagsterInstance, lake: Lake, alerts: Alerts, job: str, kind: str, severity: str, text: str
) -> None:
    done = JOBS.resolve_job_def(job).execute_in_process(
        instance=instance,
        raise_on_error=False,
        tags={"dagster/partition": f"2025-06-11|{ZONE}", "user": "ann"},
    )
    failure = next(
        event
        for event in done.all_events
        if event.is_failure and event.event_type_value == "PIPELINE_FAILURE"
    )
    with (
        build_run_status_sensor_context(
            sensor_name="run_failed",
            dagster_instance=instance,
            dagster_run=done.dagster_run,
            dagster_event=failure,
        ) as context,
    ):
        alert_on_failure(context.for_run_failure(), alerts, NOW)
    row = lake.read("alerts").row(0, named=True)
    assert (row["kind"], row["severity"], row["zone"]) == (kind, severity, ZONE)
    assert text in row["message"]
    assert "launched by ann" in row["message"]


def test_silence_before_a_gate_is_an_alarm_and_a_flat_signal_is_not_silence(lake: Lake, desk: Desk) -> None:
    day, gate = TODAY + timedelta(days=1), datetime.fromisoformat("2025-06-10T10:00:00+00:00")

    def ask(minutes: int) -> SilenceVerdict:
        return silence_before_gate(lake, desk, ZONE, gate - timedelta(minutes=minutes))

    assert ask(15).reasons == (f"settlement_spread: 0 of 24 units of {ZONE} on {day} have a signal",)
    assert not ask(45).is_silent
    assert not ask(-1).is_silent
    lake.replace(
        "signals",
        flat_signals(ZONE, TODAY + timedelta(days=1), NOW).slice(1),
        zone=ZONE,
        first_day=day,
        last_day=day,
    )
    assert ask(15).is_silent  # one unit of the day is missing
    lake.replace(
        "signals", flat_signals(ZONE, TODAY + timedelta(days=1), NOW), zone=ZONE, first_day=day, last_day=day
    )
    assert not ask(15).is_silent


class Webhook(http.server.BaseHTTPRequestHandler):
    received: list[dict[str, object]] = []  # noqa: RUF012
    status = 200

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        type(self).received.append(json.loads(body))
        self.send_response(type(self).status)
        self.end_headers()

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def webhook() -> Iterator[str]:
    Webhook.received, Webhook.status = [], 200
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Webhook)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/secret-token"
    server.shutdown()
    server.server_close()


def test_an_alert_goes_out_once_to_table_and_webhook(lake: Lake, webhook: str) -> None:
    alerts = Alerts(lake=lake, channels=webhook)
    assert alerts.send(
        "no_signal", "flat on 2025-06-11: no champion", zone=ZONE, severity="critical", now=NOW
    )
    assert not alerts.send(
        "no_signal",
        "flat on 2025-06-11: no champion",
        zone=ZONE,
        severity="critical",
        now=NOW + timedelta(hours=1),
    )
    assert lake.read("alerts").height == 1
    (message,) = Webhook.received
    assert message["text"] == "[critical] FR no_signal: flat on 2025-06-11: no champion"
    sent = datetime.fromisoformat(str(message["sent_at_utc"]))
    assert utc_now() - sent < timedelta(minutes=1), "by the true clock, whatever day the alert is of"


def test_an_alert_of_a_desk_with_books_carries_their_head(tmp_path: Path, webhook: str) -> None:
    make_home(tmp_path / "desk")
    lake = make_lake(read_environment(tmp_path / "desk"))
    Alerts(lake=lake, channels=webhook).send("no_signal", "flat", zone=ZONE, now=NOW)
    (message,) = Webhook.received
    head = message["books_head"]
    assert str(Chain(tmp_path / "desk").head()) == head
    assert message["text"] == f"[warning] FR no_signal: flat\nbooks {head}"
    departure = last_departure(tmp_path / "desk")
    assert departure is not None
    assert departure.head == head


def test_a_webhook_that_fails_stops_nothing_and_its_address_is_not_logged(
    lake: Lake, webhook: str, caplog: pytest.LogCaptureFixture
) -> None:
    Webhook.status = 500
    assert Alerts(lake=lake, channels=webhook).send("no_signal", "flat", zone=ZONE, now=NOW)
    assert Alerts(lake=lake, channels="http://127.0.0.1:9/secret-token").send(
        "no_signal", "still flat", zone=ZONE, now=NOW
    )
    assert lake.read("alerts").height == 2
    assert "channel 1 did not take it" in caplog.text
    assert "secret-token" not in caplog.text


def test_an_alert_goes_to_every_channel_whatever_its_kind(lake: Lake, webhook: str) -> None:
    chat = webhook.replace("http://", "json://")
    Alerts(lake=lake, channels=f"{webhook} {chat}").send("no_signal", "flat", zone=ZONE, now=NOW)
    plain, of_apprise = Webhook.received
    assert plain["text"] == "[warning] FR no_signal: flat"
    assert of_apprise["message"] == plain["text"]
    assert of_apprise["type"] == "warning"


def test_a_channel_that_fails_keeps_no_other_from_its_message(
    lake: Lake, webhook: str, caplog: pytest.LogCaptureFixture
) -> None:
    channels = f"nonsense://secret-token json://127.0.0.1:9/secret-token {webhook}"
    assert Alerts(lake=lake, channels=channels).send("no_signal", "flat", zone=ZONE, now=NOW)
    assert len(Webhook.received) == 1
    assert "channel 1 did not take it (not an address that Apprise knows)" in caplog.text
    assert "channel 2 did not take it (not delivered)" in caplog.text
    assert "secret-token" not in caplog.text


def test_a_channel_is_known_by_its_address() -> None:
    assert is_channel("https://chat.example/hook")
    assert is_channel("mailto://user:password@mail.example")
    assert not is_channel("nonsense://x")
    assert not is_channel("https://")
