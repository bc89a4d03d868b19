"""Dagster's own command line in the checkout: `dg list defs` and `dg check defs` (`dg dev` is theirs)."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from resources.home.make import make_home

pytestmark = pytest.mark.slow
_CHECKOUT = Path(__file__).parents[2]


def dg(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "SPOTDESK_HOME": str(home), "VIRTUAL_ENV": sys.prefix, "HOME": str(home)}
    command = [str(Path(sys.executable).with_name("dg")), *arguments]
    return subprocess.run(
        command, cwd=_CHECKOUT, env=environment, capture_output=True, text=True, timeout=120, check=False
    )


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dg") / "desk"
    make_home(folder)
    return folder


def test_dg_lists_every_asset(home: Path) -> None:
    done = dg(home, "list", "defs", "--json")
    assert done.returncode == 0, done.stderr
    listed: list[dict[str, Any]] = json.loads(done.stdout)["assets"]
    assert {"training_set", "day_ahead_forecast", "signals"} <= {one["asset_key"] for one in listed}


def test_dg_checks_that_everything_loads(home: Path) -> None:
    done = dg(home, "check", "defs")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "All definitions loaded successfully" in done.stdout + done.stderr


def test_the_instance_file_of_the_checkout_is_the_one_of_every_desk() -> None:
    template = _CHECKOUT / "resources" / "home" / "templates" / "dagster.yaml"
    assert (_CHECKOUT / "dagster.yaml").read_bytes() == template.read_bytes()
