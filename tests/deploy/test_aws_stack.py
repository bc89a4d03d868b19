"""The stack of a desk on AWS as CloudFormation sees it: what is locked, who may do what, what leaves."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.slow
SYNTH = Path(__file__).resolve().parents[2] / "deploy" / "aws" / "synth.sh"
PARTS = {"code", "daemon", "web", "screen", "watch", "mlflow"}
DESCRIBES = {"ecs:DescribeTaskDefinition", "ec2:DescribeNetworkInterfaces", "ecr:GetAuthorizationToken"}
"""Deeds without a resource that a policy could name."""
Resources = dict[str, dict[str, Any]]


@pytest.fixture(scope="module")
def resources(tmp_path_factory: pytest.TempPathFactory) -> Resources:
    """The resources of the template, by their names."""
    if shutil.which("node") is None and "SPOTDESK_NO_SKIP" not in os.environ:
        pytest.skip("needs Node; CI installs it and skips nothing")
    folder = tmp_path_factory.mktemp("stack")
    done = subprocess.run([str(SYNTH), str(folder)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, (done.stdout + done.stderr)[-3000:]
    template = json.loads((folder / "spotdesk.template.json").read_text(encoding="utf-8"))
    assert not json.loads((folder / "spotdesk.assets.json").read_text(encoding="utf-8")).get("dockerImages")
    return dict(template["Resources"])


def _of(resources: Resources, kind: str) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, found in resources.items():
        if found["Type"] == kind:
            yield name, found["Properties"]


def _statements(resources: Resources, part: str) -> list[dict[str, Any]]:
    """What the role of the task of a part may do."""
    prefix = f"Task{part.capitalize()}TaskRole"
    return [
        statement
        for name, policy in _of(resources, "AWS::IAM::Policy")
        if name.startswith(prefix)
        for statement in policy["PolicyDocument"]["Statement"]
    ]


def _deeds(statement: dict[str, Any]) -> set[str]:
    deeds = statement["Action"]
    return {deeds} if isinstance(deeds, str) else set(deeds)


def test_buckets_are_private_encrypted_and_the_books_cannot_be_deleted(resources: Resources) -> None:
    buckets = dict(_of(resources, "AWS::S3::Bucket"))
    assert len(buckets) == 5
    for name, bucket in buckets.items():
        assert all(bucket["PublicAccessBlockConfiguration"].values())
        assert bucket["BucketEncryption"]
        assert resources[name]["DeletionPolicy"] == "Retain"
    (books,) = [bucket for name, bucket in buckets.items() if name.startswith("Books")]
    assert books["ObjectLockEnabled"] is True
    rule = books["ObjectLockConfiguration"]["Rule"]["DefaultRetention"]
    assert (rule["Mode"], rule["Days"]) == ("COMPLIANCE", 3650)
    versioned = {name[:4] for name, one in buckets.items() if "VersioningConfiguration" in one}
    assert versioned == {"Lake", "Mode", "Stop", "Book"}


def test_the_database_is_private_encrypted_and_kept(resources: Resources) -> None:
    ((_, database),) = _of(resources, "AWS::RDS::DBInstance")
    assert database["StorageEncrypted"] is True
    assert database["PubliclyAccessible"] is False
    assert database["DeletionProtection"] is True
    assert database["BackupRetentionPeriod"] == 14
    assert "resolve:secretsmanager" in json.dumps(database["MasterUserPassword"])


def test_no_role_may_do_everything_and_only_deeds_without_a_resource_have_a_star(
    resources: Resources,
) -> None:
    for _, policy in _of(resources, "AWS::IAM::Policy"):
        for statement in policy["PolicyDocument"]["Statement"]:
            deeds = _deeds(statement)
            assert not [deed for deed in deeds if deed.endswith(":*") or deed == "*"]
            if statement["Resource"] == "*":
                assert deeds <= DESCRIBES


def test_only_the_daemon_starts_tasks_and_hands_them_the_roles_of_a_run(resources: Resources) -> None:
    may = {
        part: {deed for one in _statements(resources, part) for deed in _deeds(one)}
        for part in (*PARTS, "run")
    }
    assert {part for part, deeds in may.items() if "ecs:RunTask" in deeds} == {"daemon"}
    assert {part for part, deeds in may.items() if "iam:PassRole" in deeds} == {"daemon"}
    (passes,) = [one for one in _statements(resources, "daemon") if "iam:PassRole" in _deeds(one)]
    assert {name["Fn::GetAtt"][0][:7] for name in passes["Resource"]} == {"TaskRun"}
    (starts,) = [one for one in _statements(resources, "daemon") if "ecs:RunTask" in _deeds(one)]
    assert "task-definition/spotdesk-run:*" in json.dumps(starts["Resource"])
    assert "Cluster" in json.dumps(starts["Condition"])


def test_heads_of_the_books_can_be_added_and_never_deleted(resources: Resources) -> None:
    for part in (*PARTS, "run"):
        for statement in _statements(resources, part):
            if "Books" in json.dumps(statement["Resource"]):
                assert "s3:DeleteObject" not in _deeds(statement)
    assert not [one for one in _statements(resources, "mlflow") if "Lake" in json.dumps(one["Resource"])]


def test_each_task_is_one_digest_read_only_and_has_no_secret_in_its_variables(resources: Resources) -> None:
    definitions = dict(_of(resources, "AWS::ECS::TaskDefinition"))
    assert {one["Family"] for one in definitions.values()} == {f"spotdesk-{part}" for part in (*PARTS, "run")}
    for one in definitions.values():
        (container,) = one["ContainerDefinitions"]
        assert container["ReadonlyRootFilesystem"] is True
        assert container["User"] == "10001"
        assert "@" in json.dumps(container["Image"])
        assert container["LogConfiguration"]["LogDriver"] == "awslogs"
        variables = {entry["Name"] for entry in container["Environment"]}
        assert not [name for name in variables if "PASSWORD" in name or "SECRET" in name or "TOKEN" in name]
        assert {"SPOTDESK_STOP_URI", "SPOTDESK_BOOKS_URI"} <= variables
        assert "PGPASSWORD" in {entry["Name"] for entry in container["Secrets"]}


def test_the_old_daemon_ends_before_the_new_one_begins(resources: Resources) -> None:
    services = {
        one["ServiceName"]: one["DeploymentConfiguration"] for _, one in _of(resources, "AWS::ECS::Service")
    }
    assert set(services) == PARTS
    assert (services["daemon"]["MinimumHealthyPercent"], services["daemon"]["MaximumPercent"]) == (0, 100)


def test_nobody_sees_a_page_without_a_login_and_tls(resources: Resources) -> None:
    ((_, listener),) = _of(resources, "AWS::ElasticLoadBalancingV2::Listener")
    assert (listener["Protocol"], listener["Port"]) == ("HTTPS", 443)
    assert [action["Type"] for action in listener["DefaultActions"]] == ["fixed-response"]
    rules = [rule for _, rule in _of(resources, "AWS::ElasticLoadBalancingV2::ListenerRule")]
    assert len(rules) == 2
    for rule in rules:
        kinds = [action["Type"] for action in sorted(rule["Actions"], key=lambda action: action["Order"])]
        assert kinds == ["authenticate-oidc", "forward"]
    for _, group in _of(resources, "AWS::EC2::SecurityGroup"):
        assert all(rule.get("CidrIp") != "0.0.0.0/0" for rule in group.get("SecurityGroupIngress", ()))


def test_a_heartbeat_that_stays_away_wakes_somebody(resources: Resources) -> None:
    alarms = [alarm for _, alarm in _of(resources, "AWS::CloudWatch::Alarm")]
    (silent,) = [alarm for alarm in alarms if alarm.get("MetricName") == "Heartbeats"]
    assert (silent["TreatMissingData"], silent["EvaluationPeriods"], silent["Period"]) == ("breaching", 3, 60)
    assert silent["AlarmActions"]
    assert [bus["Name"] for _, bus in _of(resources, "AWS::Events::EventBus")] == ["spotdesk"]
