"""`spotdesk dossier`: the file of a model version as one HTML page, with what supervision would ask for.

The questions are those of REMIT II, Art. 5a (Regulation (EU) 2024/1106) and of RTS 6 (Delegated Regulation
(EU) 2017/589): what the algorithm is, on which data, within which limits, how it was tested, who approved it,
how it is watched, how it is stopped, and how a decision of it is made again. The page collects records; it is
no legal advice and no notification.
"""

import json
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import polars as pl
import typer

from desk.models.versions import find_decisions, version_row
from desk.screen.console import JsonFlag, emit_json, out
from desk.screen.report import Report, Section, Table, render_report, table_of
from resources.lake.lake import Lake
from resources.models.registry import ModelRegistry
from resources.models.version import ModelVersion
from resources.settings.code_version import recorded_lock_hash
from resources.settings.environment import Environment, read_environment
from resources.settings.yaml_file import read_yaml
from resources.trading.state import TradingStateStore
from resources.wall_clock import utc_now
from resources.wiring import make_lake, make_registry
from spot.contracts.lineage import Lineage
from spot.errors import ModelIntegrityError
from spot.forecast.days.files import grid_from_arrays, unpack_arrays, unpack_settings
from spot.market.zones import find_zone

_LIMIT_FILES = ("risk_limits.yaml", "promotion.yaml", "monitoring.yaml")
_DECISIONS = {
    "decided_at_utc": "when (UTC)",
    "action": "decision",
    "champion_version": "champion then",
    "reasons": "why",
    "decided_by": "decided by",
    "signed_off_by": "signed off by",
    "decision_id": "record",
}


def dossier(
    *,
    zone: Annotated[str, typer.Option("--zone", help="Bidding zone.")],
    version: Annotated[
        str, typer.Option("--version", help="Version; champion is a version too.")
    ] = "champion",
    output: Annotated[
        Path | None, typer.Option("--output", help="File to write.  \\[default: dossier_ZONE_VERSION.html]")
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """The algorithm dossier of a version.

    What it is, data, limits, tests, approvals, monitoring, and how to stop and replay it.
    """
    environment = read_environment()
    registry, lake, name = make_registry(environment), make_lake(environment), find_zone(zone).name
    asked = registry.version(name, version).version
    found = next(shown for shown in registry.shown_versions(name) if shown.version == asked)
    report = dossier_report(found, environment, registry, lake, now=utc_now())
    path = output or Path(f"dossier_{name}_{found.version}.html")
    path.write_text(render_report(report), encoding="utf-8")
    if as_json:
        emit_json({"zone": name, "version": found.version, "file": str(path.resolve())})
    else:
        out.print(f"dossier of {name} version {found.version}: {path}")


def dossier_report(
    version: ModelVersion, environment: Environment, registry: ModelRegistry, lake: Lake, *, now: datetime
) -> Report:
    """The page."""
    decisions = find_decisions(lake, zone=version.zone).filter(
        pl.col("model").fill_null(version.name) == version.name,
        (pl.col("candidate_version") == version.version) | (pl.col("champion_version") == version.version),
    )
    simulated = Lineage.parse(version.lineage).is_simulated
    try:
        files, sound = registry.files(version), "every file has the checksum that was registered"
    except ModelIntegrityError as error:
        files, sound = {}, f"DAMAGED: {error}"
    return Report(
        title=f"Algorithm dossier: {version.name}, version {version.version}",
        summary=(
            f"Zone {version.zone}, stage {version.stage}, data {version.lineage}. Written"
            f" {now:%Y-%m-%d %H:%M} UTC, environment {environment.name}. Records as REMIT II Art. 5a and RTS"
            " 6 ask for; no legal advice."
        ),
        sections=(
            _identity(version, files, sound),
            _data(version, files),
            _limits(environment),
            _tests(version, decisions),
            _approvals(decisions),
            _watching(version, lake),
            _control(version, environment),
        ),
        badge="SIMULATED" if simulated else "",
    )


def _identity(version: ModelVersion, files: Mapping[str, bytes], sound: str) -> Section:
    facts = [
        ("model", version.name),
        ("version", version.version),
        ("stage", version.stage),
        ("made", f"{version.created_at_utc:%Y-%m-%d %H:%M} UTC"),
        ("asked for by", version.tags.get("request_id") or version.tags.get("cause") or "unknown"),
        ("code commit", version.tags.get("code_commit", "unknown")),
        ("code of model and features", version.tags.get("code_version", "unknown")),
        ("libraries, sha256 of requirements.lock", recorded_lock_hash(version.tags) or "unknown"),
        ("fingerprint", version.fingerprint),
        ("MLflow run", version.run_id),
        ("files", sound),
    ]
    given = {key: json.dumps(value) for key, value in version.settings.items()}
    held = {
        key: json.dumps(value)
        for key, value in (unpack_settings(files) if files else version.settings).items()
    }
    settings = [
        (key, value, "as given" if key in given else "of the code")
        for key, value in sorted(held.items())
        if key != "name"
    ]
    sums = [(name, digest) for name, digest in sorted(version.checksums.items())]
    return Section(
        "1. What it is",
        text=(
            "A statistical forecaster of day-ahead prices. It states quantiles and a point forecast per"
            " market time unit; it sends no orders. Strategies turn forecasts into signals, and limits stand"
            " before every signal."
        ),
        tables=(
            Table(("fact", "value"), facts, "identity"),
            Table(
                ("setting", "value", "comes from"),
                settings,
                "settings",
                "What its files hold: all that it was made with.",
                is_folded=True,
            ),
            Table(("file", "sha256"), sums, "files", is_folded=True),
        ),
    )


def _data(version: ModelVersion, files: Mapping[str, bytes]) -> Section:
    inputs = grid_from_arrays(unpack_arrays(files)).inputs if files else {}
    rows = [
        ("source", version.lineage),
        ("learnt from", f"{version.trained_from} to {version.trained_through}"),
        ("inputs beside price and calendar", (", ".join(sorted(inputs)) or "none") if files else "unknown"),
        ("serves from", str(version.serves_from)),
        ("data version", version.tags.get("data_version", "unknown")),
        ("seed", version.tags.get("seed", "not used")),
    ]
    text = (
        "Inputs enter as of gate closure only: a value published one second later is refused. The data"
        " version is a fingerprint of every row."
    )
    return Section("2. Data", text=text, tables=(Table(("fact", "value"), rows, "training data"),))


def _limits(environment: Environment) -> Section:
    tables = []
    for name in _LIMIT_FILES:
        path = environment.conf_folder / name
        if path.exists():
            rows = [(key, str(value)) for key, value in _flat(read_yaml(path).content)]
            tables.append(Table(("limit", "value"), rows, name, is_folded=True))
    text = (
        "A limit that is missing, unreadable or not a number denies. Conformance is kept per day and limit in"
        " the table limit_conformance."
    )
    return Section("3. Limits and controls", text=text, tables=tuple(tables))


def _flat(document: Any, prefix: str = "") -> list[tuple[str, Any]]:
    if not isinstance(document, dict):
        return [(prefix, document)]
    return [
        row
        for key, value in document.items()
        for row in _flat(value, f"{prefix}.{key}" if prefix else str(key))
    ]


def _tests(version: ModelVersion, decisions: pl.DataFrame) -> Section:
    own = decisions.filter(pl.col("candidate_version") == version.version)
    sanity, tests = [], []
    for row in own.iter_rows(named=True):
        evidence = json.loads(row["evidence_json"])
        sanity += [
            (check["name"], "passed" if check["passed"] else "FAILED", check["detail"])
            for check in evidence.get("sanity") or []
        ]
        tests += [
            (
                row["action"],
                t["name"],
                t["n_days"],
                t["value"],
                f"{t['p_value']:.3g}",
                f"{t['level']:.2g}",
                "yes" if t["is_significant"] else "no",
            )
            for t in evidence.get("tests") or []
        ]
    shown = version_row(version, {}, is_serving=False)
    scores = [
        *((name, value) for name, value in sorted(version.metrics.items()) if name != "n_training_days"),
        (
            "days it learnt from",
            int(version.metrics["n_training_days"]) if "n_training_days" in version.metrics else None,
        ),
        ("mean absolute error on days it never saw, EUR/MWh", shown["untouched_days_mae"]),
        ("that of the champion of then, EUR/MWh", shown["champion_mae"]),
    ]
    return Section(
        "4. Tests before use",
        text=(
            "Walk-forward on days it never saw, sanity checks on the stored files, and shadow trading beside"
            " the champion with sequential tests."
        ),
        tables=(
            Table(("figure", "value"), scores, "training and evaluation"),
            Table(("check", "result", "detail"), sanity, "sanity"),
            Table(
                ("decision", "test", "days", "difference", "p", "level", "significant"),
                tests,
                "tests",
                "" if tests else "None: it was not compared with a champion.",
            ),
        ),
    )


def _approvals(decisions: pl.DataFrame) -> Section:
    return Section(
        "5. Decisions and approvals",
        tables=(table_of(decisions, "append-only records, oldest first", headings=_DECISIONS),),
    )


def _watching(version: ModelVersion, lake: Lake) -> Section:
    mine = pl.col("model_version") == version.version
    performance = (
        lake.read("forecast_performance", zones=[version.zone]).filter(mine).sort("delivery_day").tail(40)
    )
    alerts = lake.read("alerts", zones=[version.zone]).sort("raised_at_utc").tail(40)
    return Section(
        "6. Monitoring in use",
        text=(
            "Data quality, drift, realised and estimated performance and explanations are judged every day; a"
            " monitor that cannot see says so."
        ),
        tables=(
            table_of(
                performance.select("delivery_day", "metric", "basis", "value", "threshold", "status"),
                "newest verdicts on its forecasts",
            ),
            table_of(
                alerts.select("raised_at_utc", "severity", "kind", "message"), "newest alerts of the zone"
            ),
        ),
    )


def _control(version: ModelVersion, environment: Environment) -> Section:
    state = TradingStateStore(environment.trading_state)
    rows = [("desk", state.record("desk").state.name), (version.zone, state.state(version.zone).name)]
    return Section(
        "7. Stopping, going back, making again",
        text=(
            "The kill function works without Dagster, MLflow or the daemon, is immediate, and is never undone"
            " by a machine."
        ),
        tables=(Table(("scope", "trading state now"), rows, "trading state"),),
        commands=(
            (f"spotdesk halt --zone {version.zone} --reason ...", "stops trading in the zone at once"),
            (
                f"spotdesk rollback --zone {version.zone} --by ... --reason ...",
                "the champion before this one serves from the next signal on",
            ),
            (
                "spotdesk replay --signal ID",
                "makes a signal again from its row, bit for bit, or says what differs",
            ),
            (f"spotdesk explain-decision --zone {version.zone}", "every decision with its evidence"),
        ),
    )
