"""The settings of a desk on several hosts (deploy/hosts), as every host reads them."""

import re
from importlib.metadata import requires, version
from pathlib import Path

import pytest
import yaml

from resources.home.find import TEMPLATES
from resources.instance.settings import has_several_hosts, instance_settings, storage_url
from resources.settings.at_use import second_place
from resources.settings.environment import read_environment
from supply.lock import locked
from trading_assets.jobs import DESK, HEAVY, JOBS, QUEUE_TAG

ROOT = Path(__file__).resolve().parents[2]
HOSTS = ROOT / "deploy" / "hosts"
SETTINGS = HOSTS / "dagster.yaml"
HEAVY_JOBS = {"history_loaded", "zone_retrained", "history_traded", "database_published"}


@pytest.mark.parametrize(
    ("path", "address"),
    [
        (SETTINGS, "postgresql://spotdesk@head/dagster"),
        (TEMPLATES / "dagster.aws.yaml", "postgresql://spotdesk:a-password@db:5432/dagster"),
    ],
)
def test_runs_on_other_hosts_come_with_postgres_and_ask_for_a_stop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: Path, address: str
) -> None:
    monkeypatch.setenv("SPOTDESK_DB_HOST", "db")
    monkeypatch.setenv("PGPASSWORD", "a-password")
    assert storage_url(path) == address
    assert has_several_hosts(path)
    monkeypatch.setenv("SPOTDESK_DAGSTER_SETTINGS", str(path))
    place = second_place(read_environment(tmp_path))
    assert place is not None
    assert place.ask().state == "HALTED"


def test_every_job_has_a_queue_and_no_more_runs_than_one_host_has_slots() -> None:
    queues = {job.name: job.tags[QUEUE_TAG] for job in JOBS}
    assert {name for name, queue in queues.items() if queue == HEAVY} == HEAVY_JOBS
    assert set(queues.values()) == {DESK, HEAVY}
    made = yaml.safe_load(instance_settings(TEMPLATES / "dagster.yaml", SETTINGS))
    limits = {
        limit["value"]: limit["limit"]
        for limit in made["concurrency"]["runs"]["tag_concurrency_limits"]
        if limit["key"] == QUEUE_TAG
    }
    assert set(limits) == {DESK, HEAVY}
    assert made["concurrency"]["runs"]["max_concurrent_runs"] == sum(limits.values())
    assert made["retention"], "what the file does not set stays as in the template"


def test_a_host_installs_the_pins_of_the_lock_and_nothing_twice() -> None:
    own, runtime = locked(HOSTS / "requirements.txt"), locked(ROOT / "requirements.runtime.lock")
    pins = {package.name: package for package in locked()}
    assert {package.name for package in own} >= {"dagster-celery", "celery", "redis", "kombu"}
    assert all(pins[package.name] == package for package in own)
    assert not {package.name for package in own} & {package.name for package in runtime}
    assert all(version(package.name) == package.version for package in own if not package.marker)
    known = {package.name for package in (*own, *runtime)}
    for package in (one for one in own if not one.marker):  # what they need is there, too
        wanted = [one for one in requires(package.name) or () if ";" not in one]
        assert {re.split(r"[^A-Za-z0-9._-]", one)[0].lower().replace("_", "-") for one in wanted} <= known
