"""Contract of the registered model versions as analysts see them.

They live in the model registry; the analyst database holds a copy.
"""

import polars as pl

from spot.contracts.table import UTC_INSTANT, Column, TableContract


def _text(description: str) -> Column:
    return Column(dtype=pl.String, description=description)


def _day(description: str) -> Column:
    return Column(dtype=pl.Date, description=description)


MODEL_VERSIONS = TableContract(
    name="model_versions",
    description=(
        "Every registered version of each zone's models of price and spread: what it learnt from, how it"
        " scored, what it is now."
    ),
    key=("zone", "model_name", "version"),
    columns={
        "zone": _text("bidding zone"),
        "version": _text(
            "registered version; forecasts and signals carry it as model_version, or as"
            " strategy_model_version where it is of the spread"
        ),
        "model_name": _text("registered model: of the price, or of the spread, per zone"),
        "stage": _text(
            "what the version is now: champion (at most one per zone and model), served (was champion"
            " before), challenger, candidate and so on"
        ),
        "trained_from": _day("first delivery day that it learnt from"),
        "trained_through": _day("newest delivery day that it learnt from"),
        "serves_from": _day("first delivery day that it may forecast"),
        "created_at_utc": Column(dtype=UTC_INSTANT, description="when it was registered", unit="instant"),
        "lineage": _text("source of its data and what was admitted"),
        "cause": _text("why it was trained; empty where nobody said"),
        "data_version": _text("versions of the tables it was trained on"),
        "code_commit": _text("commit of the code that trained it"),
        "fingerprint": _text("hash of data, code and settings: the same training again is the same version"),
        "metrics_json": _text("scores on days that it never saw, as JSON"),
        "settings_json": _text("settings, as JSON"),
        "checksums_json": _text("SHA-256 of its files, as JSON"),
        "run_id": _text("run of the experiment tracker"),
    },
)
