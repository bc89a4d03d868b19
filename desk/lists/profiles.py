"""`spotdesk profiles`: the models that can forecast a zone."""

from typing import Any

from desk.lists.settings import Entry, entries
from desk.screen.console import JsonFlag, emit
from resources.plugins.members import MEMBERS, model_settings
from spot.forecast.hourly_forecaster import HourlyForecaster


def profiles(*, as_json: JsonFlag = False) -> None:
    """List the files in `conf/models` and their settings.

    It shows the kind of model, whether it explains its forecasts, and the zones that use it.

    A kind without a file stands at the end. A kind from a plug-in shows its package, or the reason why it
    cannot be used.
    """
    found = entries("models", "kind", MEMBERS, used_by=lambda zone: (zone.model,))
    emit([_row(entry) for entry in found], as_json=as_json, title="profiles")


def _row(entry: Entry) -> dict[str, Any]:
    loaded, problem = entry.load(model_settings)
    member = None if loaded is None else MEMBERS[loaded.kind]
    return {
        "profile": entry.name,
        "kind": entry.kind,
        "explains": None if member is None else member.forecast_parts is not HourlyForecaster.forecast_parts,
        "zones": entry.zones,
        "package": entry.package,
        "problem": problem,
    }
