"""The lake on S3, by URI alone, against an S3 server on this machine."""

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import polars as pl
import pytest
from botocore.exceptions import EndpointConnectionError
from dagster_aws.s3 import S3Resource

from resources.lake import s3 as aws_storage
from resources.lake.lake import Lake
from resources.market.captures import CaptureRecord, CaptureStore
from resources.settings.environment import read_environment
from resources.wiring import make_resources
from spot.errors import ConfigurationError
from spot.market.delivery import days_between
from tests.support.raw_rows import ramp, raw_day

DAY = date(2024, 6, 1)


@pytest.fixture(scope="module")
def storage_options() -> Iterator[dict[str, str]]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    # A process of its own: delta-rs waits for some answers with the interpreter locked, so a server thread in
    # here could never give them.
    server = subprocess.Popen(
        [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)], stderr=subprocess.DEVNULL
    )
    endpoint = f"http://127.0.0.1:{port}"
    client = boto3.client(
        "s3",
        endpoint_url=endpoint,
        region_name="eu-central-1",
        aws_access_key_id="k",
        aws_secret_access_key="s",
    )
    for _ in range(300):
        try:
            client.create_bucket(
                Bucket="desk", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"}
            )
            break
        except EndpointConnectionError:
            time.sleep(0.1)
    yield {"AWS_ENDPOINT_URL": endpoint, "AWS_REGION": "eu-central-1"}
    server.terminate()
    server.wait(timeout=30)


def prices(n_days: int) -> pl.DataFrame:
    days = days_between(DAY, DAY + timedelta(days=n_days - 1))
    return pl.concat([raw_day("day_ahead_prices", "DE_LU", day, ramp("DE_LU", day)) for day in days])


@pytest.fixture(autouse=True)
def session(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """AWS credentials as a desk has them: in the environment, and nowhere else on this machine."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "k")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    aws_storage._session.cache_clear()
    yield
    aws_storage._session.cache_clear()


def test_write_read_repeat_and_verify_on_s3(storage_options: dict[str, str]) -> None:
    lake = Lake(uri="s3://desk/lake", storage_options=storage_options)
    assert lake.read("day_ahead_prices").is_empty()
    assert lake.append("day_ahead_prices", prices(2), source="files").n_new == 48
    again = lake.append("day_ahead_prices", prices(3), source="files")
    assert (again.n_new, again.n_known) == (24, 48)
    assert lake.read("day_ahead_prices", zones=["DE_LU"], last_day=DAY).height == 24
    bad = prices(1).with_columns(price_eur_per_mwh=pl.lit(float("nan")))
    assert lake.append("day_ahead_prices", bad, source="files").n_quarantined == 24
    assert lake.tables() == ["day_ahead_prices", "quarantine"]
    assert [(entry.table, entry.n_unrecorded, entry.is_sound) for entry in lake.verify()] == [
        ("day_ahead_prices", 0, True),
        ("quarantine", 0, True),
    ]


def test_credentials_come_from_the_session_and_stay_out_of_the_configuration(
    storage_options: dict[str, str],
) -> None:
    lake = Lake(uri="s3://desk/lake", storage_options=storage_options)
    assert "AWS_SECRET_ACCESS_KEY" not in lake.model_dump_json()
    assert aws_storage.with_credentials(lake.uri, lake.storage_options)["AWS_SECRET_ACCESS_KEY"] == "s"
    assert aws_storage.with_credentials("/a/folder", {}) == {}


def test_keys_of_the_environment_are_in_no_resource_that_dagster_shows(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, storage_options: dict[str, str]
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "canary-secret-19")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "canary-session-19")
    for name, value in {
        **storage_options,
        "SPOTDESK_ENTSOE_TOKEN": "canary-token-19",
        "SPOTDESK_PJM_KEY": "canary-key-19",
        "SPOTDESK_WEBHOOK_URL": "http://127.0.0.1:9/canary-hook-19",
    }.items():
        monkeypatch.setenv(name, value)
    # The home of the process, whose webhook counts; one that is named in code has none.
    monkeypatch.setenv("SPOTDESK_HOME", str(tmp_path))
    shown = [str(resource) + repr(resource) for resource in make_resources(read_environment()).values()]
    assert "eu-central-1" in "".join(shown)
    assert "canary" not in "".join(shown)
    assert (
        aws_storage.with_credentials("s3://desk/lake", storage_options)["AWS_SECRET_ACCESS_KEY"]
        == "canary-secret-19"
    )


def test_credentials_of_a_dagster_aws_resource() -> None:
    s3 = S3Resource(
        region_name="eu-west-1", aws_access_key_id="a", aws_secret_access_key="b", aws_session_token="c"
    )
    assert aws_storage.s3_options(s3) == {
        "AWS_REGION": "eu-west-1",
        "AWS_ACCESS_KEY_ID": "a",
        "AWS_SECRET_ACCESS_KEY": "b",
        "AWS_SESSION_TOKEN": "c",
    }


def test_no_credentials_say_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    with pytest.raises(ConfigurationError, match="no AWS credentials"):
        Lake(uri="s3://desk/lake").tables()


def test_captured_bodies_lie_beside_the_tables_on_s3(storage_options: dict[str, str]) -> None:
    lake = Lake(uri="s3://desk/captures", storage_options=storage_options)
    at = datetime(2024, 6, 1, tzinfo=UTC)
    spans: dict[str, Any] = {
        "first_utc": at,
        "end_utc": at + timedelta(days=1),
        "captured_at_utc": at,
        "is_backfill": False,
    }
    record = CaptureRecord(
        source="smard", zone="DE_LU", series="day_ahead_prices", address="http://a", outcome="rows", **spans
    )
    for _ in range(2):
        CaptureStore(lake).record([(record, b"the answer")])
    (checksum,) = lake.read("captures")["body_sha256"].to_list()
    assert CaptureStore(lake).body("smard", checksum) == b"the answer"
