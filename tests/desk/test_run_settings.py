"""Settings that no monitor could use are said before a run begins, not when the monitors' turn comes."""

import shutil
from pathlib import Path

import pytest

from desk.main import main
from resources.home.make import make_home


def test_a_wrong_name_in_monitoring_yaml_stops_the_run_at_once(
    tmp_path: Path, project_root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    conf = tmp_path / "conf"
    shutil.copytree(project_root / "resources/home/templates/conf", conf)
    (conf / "monitoring.yaml").write_text(
        (conf / "monitoring.yaml").read_text().replace("chunk_days:", "chunk_weeks:")
    )
    monkeypatch.setenv("SPOTDESK_CONF", str(conf))
    make_home(tmp_path / "home")
    monkeypatch.setenv("SPOTDESK_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(
        "sys.argv", ["spotdesk", "run", "--zone", "FR", "--from", "2025-01-01", "--to", "2025-01-07"]
    )
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    said = capsys.readouterr().err
    assert "monitoring.yaml" in said
    assert "chunk_weeks" in said
    assert not (tmp_path / "home" / "lake").exists()  # nothing was begun
