"""A run of a desk on AWS, against moto: ECS is asked for a task, an agent starts it, and the run succeeds."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
import yaml
from dagster import DagsterInstance, DagsterRunStatus

from resources.home.find import TEMPLATES
from resources.home.make import make_home
from resources.instance.prepare import prepare_dagster_home
from resources.settings.environment import read_environment
from resources.wiring import make_lake
from tests.support.postgres import PostgresServer, free_port, postgres_server
from tests.support.processes import wait_for

pytestmark = pytest.mark.slow
ROOT = Path(__file__).resolve().parents[2]
ZONE, FIRST, LAST = "DE_LU", "2024-03-01", "2024-03-02"
FAMILY = "spotdesk-run"
ROLES = {name: f"arn:aws:iam::123456789012:role/{name}" for name in ("run-task", "run-execution")}
BUCKETS = ("lake", "logs", "stop", "books")
# A task of Fargate may leave the memory of its container out, which this version of moto does not expect.
MOTO = """
import sys
from moto.ecs.models import EC2ContainerServiceBackend as Backend
nothing = {"CPU": 0, "MEMORY": 0, "PORTS": [], "PORTS_UDP": []}
Backend._calculate_task_resource_requirements = staticmethod(lambda definition: nothing)
from moto.server import main
main(["-H", "127.0.0.1", "-p", sys.argv[1]])
"""


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The address of an AWS of this test's own."""
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    settings = {
        "AWS_ENDPOINT_URL": address,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_REGION": "eu-central-1",
        "AWS_DEFAULT_REGION": "eu-central-1",
        "AWS_ALLOW_HTTP": "true",
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    quiet = subprocess.DEVNULL
    with subprocess.Popen([sys.executable, "-c", MOTO, str(port)], stdout=quiet, stderr=quiet) as server:
        try:
            wait_for(lambda: _answers(address), 60)
            yield address
        finally:
            server.kill()


@pytest.fixture
def server() -> Iterator[PostgresServer]:
    with postgres_server() as started:
        yield started


def _answers(address: str) -> bool:
    import httpx

    try:
        return httpx.get(address, timeout=1).status_code < 500
    except httpx.HTTPError:
        return False


def _prepare_account() -> dict[str, Any]:
    """Buckets, a cluster and the task definition of a run, as the stack makes them; where tasks run."""
    s3, ecs, ec2 = (boto3.client(name) for name in ("s3", "ecs", "ec2"))
    for bucket in BUCKETS:
        s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    ecs.create_cluster(clusterName="spotdesk")
    ecs.register_task_definition(
        family=FAMILY,
        taskRoleArn=ROLES["run-task"],
        executionRoleArn=ROLES["run-execution"],
        networkMode="awsvpc",
        requiresCompatibilities=["FARGATE"],
        cpu="1024",
        memory="4096",
        containerDefinitions=[
            {"name": "run", "image": "images/spotdesk@sha256:" + "a" * 64, "command": ["true"]}
        ],
    )
    subnet = ec2.describe_subnets()["Subnets"][0]
    group = ec2.describe_security_groups()["SecurityGroups"][0]
    network = {"subnets": [subnet["SubnetId"]], "securityGroups": [group["GroupId"]]}
    return {
        "cluster": "spotdesk",
        "launchType": "FARGATE",
        "networkConfiguration": {"awsvpcConfiguration": network},
    }


def _settings(folder: Path, server: PostgresServer, where: dict[str, Any]) -> Path:
    """The settings of AWS with the test's own server, and without a daemon, whose task would say where."""
    settings = yaml.safe_load((TEMPLATES / "dagster.aws.yaml").read_text(encoding="utf-8"))
    settings["storage"] = {"postgres": {"postgres_url": server.url}}
    inner = settings["run_launcher"]["config"]["launcher"]["config"]
    inner |= {"use_current_ecs_task_config": False, "run_task_kwargs": where}
    settings["run_coordinator"] = {
        "module": "dagster._core.run_coordinator",
        "class": "DefaultRunCoordinator",
    }
    settings["compute_logs"]["config"] |= {"local_dir": str(folder / "logs"), "upload_interval": 1}
    path = folder / "deployment.yaml"
    path.write_text(yaml.safe_dump(settings), encoding="utf-8")
    return path


def _dagster(*words: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "dagster", *words], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]


def test_a_run_is_a_task_with_its_own_role_and_its_rows_lie_on_s3(
    aws: str, server: PostgresServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "desk"
    own = {
        "SPOTDESK_HOME": str(home),
        "SPOTDESK_DAGSTER_SETTINGS": str(_settings(tmp_path, server, _prepare_account())),
        "SPOTDESK_LAKE_URI": "s3://lake/desk",
        "SPOTDESK_STOP_URI": "s3://stop/desk",
        "SPOTDESK_BOOKS_URI": "s3://books/desk",
        "SPOTDESK_LOGS_BUCKET": "logs",
        "SPOTDESK_RUN_TASK_DEFINITION": FAMILY,
    }
    for name, value in own.items():
        monkeypatch.setenv(name, value)
    make_home(home, settings={"zones.yaml": f"zones: {{{ZONE}: {{source: simulated}}}}\n"})
    environment = read_environment()
    prepare_dagster_home(environment)
    tags = {
        "dagster/partition": f"{LAST}|{ZONE}",
        "dagster/partition/delivery_day": LAST,
        "dagster/partition/zone": ZONE,
        "spotdesk/first_day": FIRST,
    }
    _dagster("job", "launch", "-f", "definitions.py", "-j", "history_loaded", "--tags", json.dumps(tags))
    ecs = boto3.client("ecs")
    (arn,) = ecs.list_tasks(cluster="spotdesk")["taskArns"]
    task = ecs.describe_tasks(cluster="spotdesk", tasks=[arn])["tasks"][0]
    definition = ecs.describe_task_definition(taskDefinition=task["taskDefinitionArn"])["taskDefinition"]
    assert definition["family"] == FAMILY
    assert (definition["taskRoleArn"], definition["executionRoleArn"]) == tuple(ROLES.values())
    (override,) = task["overrides"]["containerOverrides"]
    assert override["name"] == "run"
    assert override["command"][:3] == ["dagster", "api", "execute_run"]
    assert (task["overrides"]["cpu"], task["overrides"]["memory"]) == ("1024", "4096")
    with DagsterInstance.get() as instance:
        (run,) = instance.get_runs()
        assert run.status == DagsterRunStatus.STARTING
        _dagster(*override["command"][1:])  # what an agent of ECS does with the task
        ended = instance.get_run_by_id(run.run_id)
        assert ended is not None
        assert ended.status == DagsterRunStatus.SUCCESS
    prices = make_lake(environment).read("day_ahead_prices", zones=[ZONE])
    assert {str(day) for day in prices["delivery_day"]} == {FIRST, LAST}
    stored = {
        bucket: boto3.client("s3").list_objects_v2(Bucket=bucket).get("Contents", []) for bucket in BUCKETS
    }
    assert any(one["Key"].startswith("desk/day_ahead_prices/") for one in stored["lake"])
    assert {one["Key"].rpartition(".")[2] for one in stored["logs"]} >= {"out", "err"}
