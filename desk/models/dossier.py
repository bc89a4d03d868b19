"""`spotdesk dossier`: the records of a model version as one HTML page, as supervision would ask for them.

The questions are those of REMIT II, Art. 5a (Regulation (EU) 2024/1106) and of RTS 6 (Delegated Regulation
(EU) 2017/589): what the algorithm is, on which data, within which limits, how it was tested, who approved it,
how it is monitored, how it is stopped, and how a decision of it is made again. The page collects records. It
is not legal advice and not a notification.
"""

import json
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Annotated

import polars as pl
import typer

from desk.models.decisions import find_decisions
from desk.models.dossier_parts import held_inputs, held_settings, limits_section, verdicts_on
from desk.models.family import Family, FamilyOption, registry_of
from desk.models.versions import version_row
from desk.screen.console import JsonFlag, emit_json, out
from desk.screen.report import Report, Section, Table, render_report, table_of
from resources.lake.lake import Lake
from resources.models.registry import ModelRegistry
from resources.models.version import ModelVersion
from resources.settings.code_version import recorded_lock_hash
from resources.settings.environment import Environment, read_environment
from resources.trading.state import TradingStateStore
from resources.wall_clock import utc_now
from resources.wiring import make_lake
from spot.contracts.lineage import Lineage
from spot.errors import ModelIntegrityError
from spot.market.zones import find_zone

_WHAT_IT_IS = {
    False: (
        "A statistical forecaster of day-ahead prices. It gives quantiles and a point forecast per market"
        " time unit; it sends no orders. Strategies turn forecasts into signals, and limits stand before"
        " every signal."
    ),
    True: (
        "A statistical model of the spread between a zone's second price and its day-ahead price. It gives"
        " quantiles per market time unit; it sends no orders. A strategy trades the spread that it expects,"
        " and limits stand before every signal."
    ),
}
"""Whether the version is of the spread, to its description on the page."""
_SCORES = {
    "untouched_days_mae": "mean absolute error on days it never saw, EUR/MWh",
    "champion_mae": "that of the champion at that time, EUR/MWh",
    "untouched_days_pinball": "pinball loss on days it never saw, EUR/MWh",
    "champion_pinball": "that of the champion at that time, EUR/MWh",
    "past_quantiles_pinball": "that of plain quantiles of the past, EUR/MWh",
}
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
        str, typer.Option("--version", help="Version; champion names the serving version.")
    ] = "champion",
    model: FamilyOption = Family.PRICE,
    output: Annotated[
        Path | None, typer.Option("--output", help="File to write.  \\[default: dossier_ZONE_VERSION.html]")
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """The algorithm dossier of a version.

    What it is, data, limits, tests, approvals, monitoring, and how to stop and replay it.
    """
    environment = read_environment()
    registry, lake, name = registry_of(environment, model), make_lake(environment), find_zone(zone).name
    asked = registry.version(name, version).version
    found = next(shown for shown in registry.shown_versions(name) if shown.version == asked)
    report = dossier_report(found, environment, registry, lake, now=utc_now())
    path = output or Path(f"dossier_{name}_{'spread_' if found.is_spread else ''}{found.version}.html")
    path.write_text(render_report(report), encoding="utf-8")
    if as_json:
        emit_json({"zone": name, "version": found.version, "file": str(path.resolve())})
    else:
        out.print(f"dossier of {name} {found.label}: {path}")


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
            f" {now:%Y-%m-%d %H:%M} UTC, environment {environment.name}. Records as required by REMIT II"
            " Art. 5a and RTS 6; not legal advice."
        ),
        sections=(
            _identity(version, files, sound),
            _data(version, files),
            limits_section(environment),
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
    held = {key: json.dumps(value) for key, value in held_settings(version, files).items()}
    settings = [
        (key, value, "as given" if key in given else "of the code")
        for key, value in sorted(held.items())
        if key != "name"
    ]
    sums = [(name, digest) for name, digest in sorted(version.checksums.items())]
    return Section(
        "1. What it is",
        text=_WHAT_IT_IS[version.is_spread],
        tables=(
            Table(("fact", "value"), facts, "identity"),
            Table(
                ("setting", "value", "comes from"),
                settings,
                "settings",
                "The contents of its files: everything that it was made with.",
                is_folded=True,
            ),
            Table(("file", "sha256"), sums, "files", is_folded=True),
        ),
    )


def _data(version: ModelVersion, files: Mapping[str, bytes]) -> Section:
    inputs = held_inputs(version, files)
    rows = [
        ("source", version.lineage),
        ("learnt from", f"{version.trained_from} to {version.trained_through}"),
        ("inputs besides price and calendar", (", ".join(sorted(inputs)) or "none") if files else "unknown"),
        *((f"tried: {inputs}", verdict) for inputs, verdict in version.judged_inputs),
        ("serves from", str(version.serves_from)),
        ("data version", version.tags.get("data_version", "unknown")),
        ("tables and their versions", version.tags.get("table_versions", "unknown")),
        ("seed", version.tags.get("seed", "not used")),
    ]
    text = (
        "Inputs enter as of gate closure only: a value published one second later is refused. The data"
        " version is a fingerprint of every row."
    )
    return Section("2. Data", text=text, tables=(Table(("fact", "value"), rows, "training data"),))


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
        *((text, shown[name]) for name, text in _SCORES.items() if name in shown),
    ]
    return Section(
        "4. Tests before use",
        text=(
            "Walk-forward on days it never saw, sanity checks on the stored files, and shadow trading along"
            " with the champion with sequential tests."
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
    alerts = lake.read("alerts", zones=[version.zone]).sort("raised_at_utc").tail(40)
    return Section(
        "6. Monitoring in use",
        text=(
            "Data quality, drift, realised and estimated performance and explanations are judged every day;"
            " a monitor that cannot see its input reports it."
        ),
        tables=(
            verdicts_on(version, lake),
            table_of(
                alerts.select("raised_at_utc", "severity", "kind", "message"), "newest alerts of the zone"
            ),
        ),
    )


def _control(version: ModelVersion, environment: Environment) -> Section:
    state = TradingStateStore(environment.trading_state)
    rows = [("desk", state.record("desk").state.name), (version.zone, state.state(version.zone).name)]
    return Section(
        "7. Stopping, rolling back, reproducing",
        text=(
            "The kill function works without Dagster, MLflow or the daemon, is immediate, and is never undone"
            " by a machine."
        ),
        tables=(Table(("scope", "trading state now"), rows, "trading state"),),
        commands=(
            (f"spotdesk halt --zone {version.zone} --reason ...", "stops trading in the zone at once"),
            (
                f"spotdesk rollback {_option(version)}--zone {version.zone} --by ... --reason ...",
                "the champion before this one serves from the next signal on",
            ),
            (
                "spotdesk replay --signal ID",
                "makes a signal again from its row and compares it bit for bit",
            ),
            (
                f"spotdesk explain-decision {_option(version)}--zone {version.zone}",
                "every decision with its evidence",
            ),
        ),
    )


def _option(version: ModelVersion) -> str:
    return "--model spread " if version.is_spread else ""
