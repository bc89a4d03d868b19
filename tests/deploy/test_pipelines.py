"""Both pipelines call targets of `make` that exist, and a merge request is validated against its base."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml


@pytest.fixture(scope="module")
def targets(project_root: Path) -> set[str]:
    return set(re.findall(r"^([a-z-]+):", (project_root / "Makefile").read_text(), flags=re.MULTILINE))


@pytest.fixture(scope="module")
def gitlab(project_root: Path) -> dict[str, Any]:
    found = yaml.safe_load((project_root / ".gitlab-ci.yml").read_text())
    assert isinstance(found, dict)
    return found


@pytest.fixture(scope="module")
def github(project_root: Path) -> dict[str, Any]:
    found = yaml.safe_load((project_root / ".github/workflows/ci.yml").read_text())
    assert isinstance(found, dict)
    # YAML reads the word `on` as a truth value.
    return {"on" if name is True else str(name): value for name, value in found.items()}


def called(lines: list[str]) -> Iterator[str]:
    """Targets that lines of a script ask `make` for."""
    for line in lines:
        if line.startswith("make "):
            yield from (word for word in line.split()[1:] if "=" not in word and not word.startswith("-"))


def test_every_target_of_the_pipelines_exists(
    gitlab: dict[str, Any], github: dict[str, Any], targets: set[str]
) -> None:
    scripts = [job["script"] for job in gitlab.values() if isinstance(job, dict) and "script" in job]
    steps = [step for job in github["jobs"].values() for step in job["steps"]]
    scripts += [[step["run"]] for step in steps if "run" in step]
    asked = {target for script in scripts for target in called(script)}
    assert {"lint", "test", "test-slow", "validate", "image", "image-push"} <= asked <= targets


def test_a_merge_request_is_validated_against_its_base_and_carries_the_page(
    gitlab: dict[str, Any], github: dict[str, Any]
) -> None:
    job = gitlab["release_validation"]
    assert job["rules"] == [{"if": '$CI_PIPELINE_SOURCE == "merge_request_event"'}]
    assert job["script"] == ["make validate AGAINST=$CI_MERGE_REQUEST_DIFF_BASE_SHA"]
    assert job["artifacts"]["when"] == "always", "the page says why it failed"
    assert "dist/validate.html" in job["artifacts"]["paths"]
    assert {"job": "release_validation", "optional": True} in gitlab["build"]["needs"]
    own = github["jobs"]["validate"]
    assert own["if"] == "github.event_name == 'pull_request'"
    assert own["steps"][0]["with"]["fetch-depth"] == 0, "a shallow clone lacks the base"
    upload = own["steps"][-1]
    assert upload["if"] == "always()"
    assert upload["with"]["path"] == "dist/validate.html"


def test_the_workflow_of_github_is_one_and_may_only_read(github: dict[str, Any]) -> None:
    assert set(github) == {"name", "on", "permissions", "concurrency", "jobs"}
    assert set(github["on"]) == {"push", "pull_request"}, "a request from a fork never gets secrets"
    assert github["permissions"] == {"contents": "read"}
    assert set(github["jobs"]) == {"lint", "test", "validate", "image"}
    for name, job in github["jobs"].items():
        assert {"runs-on", "timeout-minutes", "steps"} <= set(job), name
        assert set(job.get("needs", [])) <= set(github["jobs"]), name
        for step in job["steps"]:
            assert ("run" in step) != ("uses" in step), name
            # What others wrote never becomes part of a script.
            assert "${{" not in step.get("run", ""), name
