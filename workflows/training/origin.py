"""The origin of a version: data, code, libraries, seed, and who requested it."""

from datetime import datetime

from resources.models.training_order import TrainingOrder
from resources.settings.code_version import lock_hash
from resources.settings.environment import read_environment
from workflows.training.recorded_window import RecordedWindow


def origin_tags(
    recorded: RecordedWindow, order: TrainingOrder, *, seed: int, code_version: str, now: datetime
) -> dict[str, str]:
    """Facts of a version that do not depend on what it forecasts."""
    lock = lock_hash()
    return {
        "data_version": recorded.data_version,
        "table_versions": recorded.table_versions,
        "code_commit": read_environment().commit,
        "code_version": code_version,
        **({} if lock is None else {"lock_hash": lock}),
        "evaluated_through": str(recorded.window.evaluate_through),
        "seed": str(seed),
        "cause": order.cause,
        "cause_detail": order.detail,
        "request_id": order.request_id,
        "trained_as_of_utc": now.isoformat(),
    }
