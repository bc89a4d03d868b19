"""The environment of a desk, and what importing it settles for the whole process."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from resources.plugins.sources import all_secrets
from resources.settings.at_use import aws_credentials, provider_secret, signal_webhook
from resources.settings.environment import read_environment
from spot.errors import ConfigurationError

CANARY = "canary-8f31"
_SECRETS = (
    "SPOTDESK_WEBHOOK_URL",
    "SPOTDESK_SIGNAL_WEBHOOK_URL",
    "SPOTDESK_SIGNAL_WEBHOOK_SECRET",
    "AWS_SECRET_ACCESS_KEY",
    *(secret.variable for secret in all_secrets().values()),
)

_GROUPED = """
import sys
import polars as pl
{first}
frame = pl.DataFrame({{"day": [i // 100 for i in range(4000)], "value": [1.0] * 4000}})
frame.group_by("day").agg(pl.col("value").mean())
"""


@pytest.mark.parametrize(
    ("first", "is_whole"), [("import resources.settings.environment", True), ("", False)]
)
def test_sums_of_groups_do_not_depend_on_the_order_in_which_threads_finish(
    project_root: Path, first: str, is_whole: bool
) -> None:
    """Polars names the way it took; the second case shows that it would take another by itself."""
    variables = {name: value for name, value in os.environ.items() if name != "POLARS_NO_PARTITION"}
    run = subprocess.run(
        [sys.executable, "-c", _GROUPED.format(first=first)],
        cwd=project_root,
        env={**variables, "POLARS_VERBOSE": "1", "POLARS_MAX_THREADS": "2"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert ("running default HASH AGGREGATION" in run.stderr) == is_whole


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in (*_SECRETS, "SPOTDESK_LAKE_URI", "SPOTDESK_ENVIRONMENT", "MLFLOW_TRACKING_URI"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("SPOTDESK_HOME", str(tmp_path))
    return tmp_path


def test_all_state_lies_in_the_home(home: Path) -> None:
    environment = read_environment()
    assert environment.home == home
    assert environment.lake_uri == str(home / "lake")
    assert environment.tracking_uri == f"sqlite:///{home}/mlflow.db"
    assert environment.analyst_database == home / "analyst.duckdb"


def test_a_variable_of_the_process_goes_before_one_of_the_file_and_empty_is_not_set(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (home / ".env").write_text(
        "SPOTDESK_ENVIRONMENT=paper\nSPOTDESK_LAKE_URI=s3://file/x\nSPOTDESK_PJM_KEY=a\n"
    )
    assert (read_environment().name, read_environment().lake_uri) == ("paper", "s3://file/x")
    monkeypatch.setenv("SPOTDESK_ENVIRONMENT", "production")
    monkeypatch.setenv("SPOTDESK_LAKE_URI", "")
    monkeypatch.setenv("SPOTDESK_PJM_KEY", "b")
    assert (read_environment().name, read_environment().lake_uri) == ("production", "s3://file/x")
    assert provider_secret("SPOTDESK_PJM_KEY") == "b"


def test_secrets_are_read_and_never_shown(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (home / ".env").write_text("".join(f"{name}={CANARY}\n" for name in _SECRETS))
    environment = read_environment()
    shown = f"{environment!r} {environment} {environment.model_dump()} {environment.model_dump_json()}"
    assert CANARY not in shown
    assert signal_webhook() == {"url": CANARY, "secret": CANARY}
    assert {provider_secret(one.variable) for one in all_secrets().values()} == {CANARY}
    assert aws_credentials() == {"AWS_SECRET_ACCESS_KEY": CANARY}


def test_an_impossible_value_is_named_with_what_it_may_be(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SPOTDESK_ENVIRONMENT", "prod")
    with pytest.raises(ConfigurationError, match=r"the environment is 'prod': .*'local', 'paper'"):
        read_environment()
    monkeypatch.delenv("SPOTDESK_ENVIRONMENT")
    (home / ".env").write_text("SPOTDESK_ENVIRONMENT=live\n")
    with pytest.raises(ConfigurationError) as refused:
        read_environment()
    place = f"SPOTDESK_ENVIRONMENT in {home / '.env'} is 'live'"
    assert str(refused.value) == f"{place}: input should be 'local', 'paper' or 'production'"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"# key\n\nA=1\n=secret-token x\n", "line 4 is neither NAME=value nor a comment"),
        (b"A=\xff\n", "holds bytes that are not UTF-8"),
    ],
)
def test_a_file_of_variables_that_cannot_be_read_is_refused_without_its_content(
    home: Path, content: bytes, said: str
) -> None:
    (home / ".env").write_bytes(content)
    with pytest.raises(ConfigurationError, match=said) as refused:
        read_environment()
    assert str(home / ".env") in str(refused.value)
    assert "secret-token" not in str(refused.value)


def test_a_home_asked_for_in_code_writes_and_sends_nowhere_else(
    home: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path_factory.mktemp("other")
    monkeypatch.setenv("SPOTDESK_LAKE_URI", "s3://desk/lake")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://registry.example")
    monkeypatch.setenv("SPOTDESK_WEBHOOK_URL", "http://chat.example/token")
    monkeypatch.setenv("SPOTDESK_SIGNAL_WEBHOOK_URL", "http://exchange.example")
    environment = read_environment(other)
    assert environment.lake_uri == str(other / "lake")
    assert environment.tracking_uri == f"sqlite:///{other}/mlflow.db"
    assert not environment.webhook_url.get_secret_value()
    assert not environment.signal_webhook_url.get_secret_value()
