"""A desk of its own for each test.

A copy of the project's settings, a fresh lake, and a registry that is made once and copied.
"""

import shutil
from pathlib import Path

import pytest

from resources.settings.desk import desk_resource
from resources.settings.environment import Environment, read_environment
from resources.settings.zones import Desk


@pytest.fixture
def environment(
    prepared_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, project_root: Path
) -> Environment:
    """An environment with a home and settings of its own."""
    conf = tmp_path / "conf"
    shutil.copytree(project_root / "resources/home/templates/conf", conf)
    monkeypatch.setenv("SPOTDESK_CONF", str(conf))
    home = tmp_path / "home"
    home.mkdir()
    shutil.copy(prepared_home / "mlflow.db", home / "mlflow.db")
    return read_environment(home)


@pytest.fixture
def desk(environment: Environment) -> Desk:
    """The desk's settings with a model that is trained in a second."""
    (environment.conf_folder / "models" / "quick.yaml").write_text("kind: naive\nrule: mixed\n")
    limits = "first_champion_maximum_rmae: 3.0\nminimum_walk_forward_days: 10\nrequires_shadow: false\n"
    sanity = "sanity: {minimum_training_days: 30, range_widths: 20.0}\n"
    (environment.conf_folder / "promotion.yaml").write_text(limits + sanity)
    return desk_resource(
        environment,
        model="quick",
        training_days=70,
        minimum_training_days=45,
        evaluation_days=10,
        strategies=("settlement_spread",),
    )
