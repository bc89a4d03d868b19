"""Which desk needs Postgres for its locks, and where the server is."""

from pathlib import Path

import pytest
import yaml

from resources.instance.settings import has_several_hosts, storage_url
from resources.locks.place import lock_database, name_of
from resources.settings.at_use import second_place
from resources.settings.environment import read_environment
from resources.trading.locks import deciding
from spot.errors import ConfigurationError, SourceUnavailableError
from spot.risk.state import TradingState
from tests.support.live_desk import make_live_desk
from tests.support.sample_market import ZONE

POSTGRES = {"postgres": {"postgres_url": "postgresql://spotdesk@postgres/dagster"}}
HOSTS = {"module": "resources.instance.hosts", "class": "HostsRunLauncher", "config": {}}


@pytest.fixture(autouse=True)
def _no_deployment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SPOTDESK_DAGSTER_SETTINGS", raising=False)
    monkeypatch.delenv("SPOTDESK_STOP_URI", raising=False)


def _deployment(folder: Path, monkeypatch: pytest.MonkeyPatch, **settings: object) -> Path:
    path = folder / "deployment.yaml"
    path.write_text(yaml.safe_dump(settings))
    monkeypatch.setenv("SPOTDESK_DAGSTER_SETTINGS", str(path))
    return path


@pytest.mark.parametrize(
    ("storage", "address"),
    [
        (POSTGRES, "postgresql://spotdesk@postgres/dagster"),
        ({"postgres": {"postgres_url": {"env": "THE_URL"}}}, "postgresql://there/dagster"),
        (
            {
                "postgres": {
                    "postgres_db": {"hostname": "db", "username": "a", "password": "p@/", "db_name": "d"}
                }
            },
            "postgresql://a:p%40%2F@db:5432/d",
        ),
        ({"sqlite": {"base_dir": "/x"}}, ""),
    ],
)
def test_the_server_is_the_one_that_keeps_the_records(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, storage: object, address: str
) -> None:
    monkeypatch.setenv("THE_URL", "postgresql://there/dagster")
    assert storage_url(_deployment(tmp_path, monkeypatch, storage=storage)) == address
    assert lock_database(tmp_path / "x.lock") == address


def test_a_server_without_a_place_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = _deployment(tmp_path, monkeypatch, storage={"postgres": {}})
    with pytest.raises(ConfigurationError, match="neither postgres_url nor postgres_db"):
        storage_url(path)


def test_a_desk_whose_records_are_files_locks_by_files(tmp_path: Path) -> None:
    with deciding(tmp_path) as lock:
        lock.check()
        assert (tmp_path / "deciding.lock").is_file()


def test_the_name_of_a_lock_is_the_same_wherever_a_host_sees_the_desk(tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    for home in (one, other):
        home.mkdir()
    make_live_desk(one, ZONE)
    (other / "desk.json").write_bytes((one / "desk.json").read_bytes())
    assert name_of(one / "models" / "x.lock") == name_of(other / "models" / "x.lock")
    make_live_desk(other, ZONE)
    assert name_of(one / "x.lock") != name_of(other / "x.lock"), "another desk has locks of its own"


@pytest.mark.parametrize("is_wrapped", [False, True])
def test_several_hosts_without_postgres_decide_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_wrapped: bool
) -> None:
    launcher = HOSTS if not is_wrapped else {"class": "DeskRunLauncher", "config": {"launcher": HOSTS}}
    path = _deployment(tmp_path, monkeypatch, run_launcher=launcher)
    assert has_several_hosts(path)
    with pytest.raises(ConfigurationError, match=r"several hosts, whose locks must be in Postgres"):
        deciding(tmp_path / "trading_state").__enter__()


@pytest.mark.parametrize("name", ["DefaultRunLauncher", "DockerRunLauncher"])
def test_one_host_needs_neither(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    launcher = {"class": "DeskRunLauncher", "config": {"launcher": {"class": name}}}
    assert not has_several_hosts(_deployment(tmp_path, monkeypatch, run_launcher=launcher))
    assert second_place(read_environment(tmp_path)) is None


def test_several_hosts_without_a_second_place_are_halted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _deployment(tmp_path, monkeypatch, storage=POSTGRES, run_launcher=HOSTS)
    place = second_place(read_environment(tmp_path))
    assert place is not None
    said = place.ask(ZONE)
    assert said.state is TradingState.HALTED
    assert "set SPOTDESK_STOP_URI" in said.reason
    with pytest.raises(SourceUnavailableError, match="SPOTDESK_STOP_URI"):
        place.write(said)
