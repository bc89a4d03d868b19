"""The desk in containers: what every service is denied, and where passwords are."""

import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

POSTGRES = "postgres"


@pytest.fixture(scope="module")
def services(project_root: Path) -> dict[str, Any]:
    found = yaml.safe_load((project_root / "deploy/compose/compose.yaml").read_text())["services"]
    assert isinstance(found, dict)
    return found


def test_every_service_of_the_desk_is_one_image_by_digest_without_rights(services: dict[str, Any]) -> None:
    desk = {name: service for name, service in services.items() if name != POSTGRES}
    assert {"code", "daemon", "web", "mlflow", "watch", "screen"} <= desk.keys()
    for name, service in desk.items():
        assert "SPOTDESK_IMAGE" in service["image"], name
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        assert "no-new-privileges:true" in service["security_opt"], name


def test_every_service_restarts_and_says_whether_it_is_well(services: dict[str, Any]) -> None:
    assert all(service["restart"] == "unless-stopped" for service in services.values())
    assert all("healthcheck" in service for service in services.values())


def test_ports_are_published_on_loopback_only(services: dict[str, Any]) -> None:
    ports = [port for service in services.values() for port in service.get("ports", [])]
    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_no_password_is_in_a_variable(services: dict[str, Any]) -> None:
    for name, service in services.items():
        for variable, value in service["environment"].items():
            assert "PASSWORD" not in variable or variable.endswith("_FILE"), f"{name}: {variable}"
            assert "://" not in str(value) or "@" not in str(value), f"{name}: {variable}"


def test_no_file_of_a_deployment_names_a_registry_host(project_root: Path) -> None:
    files = [path for path in (project_root / "deploy").rglob("*") if path.is_file()]
    hosts = ("docker.io/", "quay.io/", "ghcr.io/", "gcr.io/")
    named = [
        str(path)
        for path in files
        if path.suffix != ".json" and any(host in path.read_text(encoding="utf-8") for host in hosts)
    ]
    assert not named


def test_the_image_is_built_from_every_package(project_root: Path) -> None:
    settings = tomllib.loads((project_root / "pyproject.toml").read_text())
    names = settings["tool"]["setuptools"]["packages"]["find"]["include"]
    taken = (project_root / ".dockerignore").read_text().splitlines()
    assert {f"!{name.rstrip('*')}" for name in names} <= set(taken)
    assert {"!definitions.py", "!COMMIT"} <= set(taken)
