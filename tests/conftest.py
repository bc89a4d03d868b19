"""Fixtures shared by all tests."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

import resources.settings.process  # noqa: F401  tests run under the settings of the product's own processes

# A property holds or it does not; how long an example takes says something about the machine alone. The same
# examples each time: a change is judged by what it changes. `--hypothesis-profile=explore` looks for new
# ones.
settings.register_profile("spotdesk", deadline=None, derandomize=True)
settings.register_profile("explore", deadline=None)
settings.load_profile("spotdesk")

ROOT = Path(__file__).resolve().parents[1]

# The desk of whoever runs the tests, in the checkout or named by a variable, is not theirs: a test that wants
# a desk makes one. The settings of a home that is no desk are the templates.
os.environ["SPOTDESK_HOME"] = str(ROOT / ".no_desk_of_the_tests")
for _name in ("SPOTDESK_CONF", "SPOTDESK_LAKE_URI", "MLFLOW_TRACKING_URI", "SPOTDESK_ANALYST_DATABASE"):
    os.environ.pop(_name, None)


@pytest.fixture(scope="session")
def project_root() -> Path:
    """The root of the checkout."""
    return ROOT


@pytest.fixture(scope="session")
def market_data_dir() -> Path:
    """The folder of recorded market data.

    A test that asks for it is marked `market_data` and cannot run without the folder.
    """
    folder = Path(os.environ.get("SPOTDESK_MARKET_DATA", ROOT.parent / "shared" / "data"))
    if not (folder / "README.md").is_file():
        missing = f"recorded market data is not at {folder}: set SPOTDESK_MARKET_DATA"
        if "SPOTDESK_NO_SKIP" in os.environ:  # CI skips nothing
            pytest.fail(missing)
        pytest.skip(missing)
    return folder


@pytest.fixture(scope="session")
def prepared_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home whose model registry exists: making its database takes seconds."""
    from resources.settings.environment import read_environment
    from resources.wiring import make_registry  # libraries that many a test does without

    home = tmp_path_factory.mktemp("prepared")
    make_registry(read_environment(home)).prepare()
    return home
