"""A fresh desk with settings of its own."""

from pathlib import Path

import pytest

from resources.home.make import make_home


@pytest.fixture
def home(tmp_path: Path, project_root: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    conf = tmp_path / "conf"
    (conf / "strategies").mkdir(parents=True)
    (conf / "models").mkdir()
    for path in (project_root / "resources/home/templates/conf").rglob("*.yaml"):
        name = path.relative_to(project_root / "resources/home/templates/conf")
        (conf / name).write_text(path.read_text())
    make_home(tmp_path / "home")
    monkeypatch.setenv("SPOTDESK_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("SPOTDESK_CONF", str(conf))
    monkeypatch.delenv("SPOTDESK_ENTSOE_TOKEN", raising=False)
    return tmp_path
