"""`spotdesk dev` leaves an instance that trains one model at a time, whoever starts the training."""

from pathlib import Path

import pytest
from dagster import DagsterInstance

from desk.setup.dev import train_one_at_a_time
from resources.instance.prepare import prepare_dagster_home
from resources.settings.environment import read_environment


def test_the_pool_of_trainings_has_one_slot_and_others_keep_their_default(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SPOTDESK_HOME", str(tmp_path))
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    prepare_dagster_home(read_environment())
    train_one_at_a_time()
    train_one_at_a_time()
    with DagsterInstance.get() as instance:
        assert {
            pool.name: pool.limit
            for pool in instance.event_log_storage.get_pool_limits()
            if not pool.from_default
        } == {"training": 1}
        assert instance.event_log_storage.get_concurrency_info("training").slot_count == 1
