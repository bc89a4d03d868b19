"""`dagster.yaml` of a desk: the template as it is, or with what a deployment sets in place of parts of it."""

from pathlib import Path

import pytest
import yaml

from resources.home.find import TEMPLATES
from resources.instance.prepare import prepare_dagster_home
from resources.settings.environment import read_environment
from spot.errors import ConfigurationError

TEMPLATE = TEMPLATES / "dagster.yaml"
STORAGE = "storage: {postgres: {postgres_url: postgresql://spotdesk@postgres/dagster}}\n"


def test_without_a_deployment_it_is_the_template(tmp_path: Path) -> None:
    folder = prepare_dagster_home(read_environment(tmp_path))
    assert (folder / "dagster.yaml").read_bytes() == TEMPLATE.read_bytes()


def test_a_deployment_sets_the_storage_and_leaves_the_rest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "own.yaml").write_text(STORAGE)
    monkeypatch.setenv("SPOTDESK_DAGSTER_SETTINGS", str(tmp_path / "own.yaml"))
    folder = prepare_dagster_home(read_environment(tmp_path / "desk"))
    made = yaml.safe_load((folder / "dagster.yaml").read_text())
    assert made.pop("storage") == yaml.safe_load(STORAGE)["storage"]
    assert made == yaml.safe_load(TEMPLATE.read_text())


@pytest.mark.parametrize("text", [None, "- a list\n", "storage: [\n"])
def test_a_file_that_cannot_be_used_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str | None
) -> None:
    own = tmp_path / "own.yaml"
    if text is not None:
        own.write_text(text)
    monkeypatch.setenv("SPOTDESK_DAGSTER_SETTINGS", str(own))
    with pytest.raises(ConfigurationError, match=r"own\.yaml"):
        prepare_dagster_home(read_environment(tmp_path / "desk"))
