"""`spotdesk benchmark`: how good the forecasts are and what they cost.

They are compared with published forecasts and the usual reference models.
"""

from pathlib import Path
from typing import Annotated, Any

import typer

from desk.benchmark.data import read_epf_market, read_zone, zones_in
from desk.benchmark.fev import fev_rows, ranked, unlike_published
from desk.benchmark.job import BenchmarkJob
from desk.benchmark.progress import progress
from desk.benchmark.rows import columns, epf_row, zone_rows
from desk.benchmark.run import run_cached
from desk.benchmark.shared import (
    ALL_LEVELS,
    cache_folder,
    chosen_markets,
    epf_folder,
    epf_job,
    profile_settings,
)
from desk.screen.console import DAY_FORM, JsonFlag, a_day, emit, emit_json, err, out
from spot.errors import ConfigurationError
from spot.market.zones import find_zone

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    help=__doc__,
)

_LEAR_WINDOWS = [56, 84, 364, 728]
_MODELS = ("engine", "naive", "lear", "catboost_small")
_REFIT_DAYS = {"catboost": 183}
_ERRORS = (
    "market",
    "mae",
    "rmae",
    "smape",
    "rmse",
    "pinball",
    "crps",
    "coverage_80",
    "coverage_95",
    "n_days",
    "is_leak_free",
)
_COSTS = (
    "market",
    "cpu_s",
    "cpu_fit_s",
    "cpu_walk_forward_s",
    "cpu_served_day_ms",
    "cpu_update_day_ms",
    "peak_memory_mib",
)

DataFolder = Annotated[
    Path | None,
    typer.Option(
        "--data",
        help="Folder with the benchmark's files; without it they are downloaded from the public record.",
    ),
]
Markets = Annotated[
    list[str] | None,
    typer.Option("--market", help="NP, PJM, BE, FR or DE; repeat for several. Default: all."),
]
Fresh = Annotated[bool, typer.Option("--fresh", help="Compute again what is in the cache.")]


@app.command()
def epf(
    *,
    data: DataFolder = None,
    market: Markets = None,
    profile: Annotated[
        str, typer.Option(help="Settings in conf/models: fast, standard, best, or another.")
    ] = "fast",
    leak_check: Annotated[
        bool,
        typer.Option(
            "--leak-check", help="Change everything not yet known and check that forecasts stay the same."
        ),
    ] = False,
    fresh: Fresh = False,
    as_json: JsonFlag = False,
) -> None:
    """Run the open-access benchmark.

    It covers five markets and two test years with daily recalibration, and compares with every published
    forecast that is found beside the data. An interrupted run goes on with the market at which it stopped.

    Exit code 1: a leak was found. Exit code 2: an option is wrong, and nothing was run.
    """
    markets, settings = chosen_markets(market), profile_settings(profile)
    folder = epf_folder(data, markets)
    rows = []
    with progress(len(markets)) as step:
        for name in markets:
            job = epf_job(folder, name, settings, checks_leaks=leak_check)
            run = run_cached(job, cache_folder(fresh=fresh, job=job), step(f"{name} {profile}"))
            rows.append(epf_row(name, profile, run, read_epf_market(folder, name), folder))
    if as_json:
        emit_json(rows)
    else:
        emit(
            columns(rows, _ERRORS),
            as_json=False,
            title=f"Open-access benchmark, profile {profile}",
            decimals=3,
        )
        emit(columns(rows, _COSTS), as_json=False, title="What it cost")
        tests = [{"market": row["market"], **test} for row in rows for test in row["published"]]
        emit(
            tests,
            as_json=False,
            title="Published forecasts (p, one-sided: is our error smaller)",
            empty="none found beside the data",
            decimals=3,
        )
    if any(row["is_leak_free"] is False for row in rows):
        err.print("a forecast changed with data that was not yet known: this is a leak")
        raise typer.Exit(1)


@app.command()
def fev(
    *,
    data: DataFolder = None,
    market: Markets = None,
    profile: Annotated[
        list[str] | None, typer.Option(help="Settings in conf/models; repeat for several. Default: fast.")
    ] = None,
    fresh: Fresh = False,
    as_json: JsonFlag = False,
) -> None:
    """Compare with foundation models on the electricity price tasks of fev-bench.

    The tasks are the last 20 days of the five markets: 24 hours each, the deciles, errors scaled by the mean
    change from one day to the next. The published figures stand beside ours.

    Exit code 1: our seasonal naive differs from the published one, so the data is not that of the tasks and
    the figures cannot be compared. Exit code 2: an option is wrong, and nothing was run.
    """
    markets = chosen_markets(market)
    documents = {name: profile_settings(name) for name in dict.fromkeys(profile or ["fast"])}
    folder = epf_folder(data, markets)
    rows: list[dict[str, Any]] = []
    with progress(len(markets) * len(documents)) as step:
        for name in markets:
            panel, runs = read_epf_market(folder, name), {}
            for label, settings in documents.items():
                job = epf_job(folder, name, settings)
                stage = step(f"{name} {label}")
                runs[label] = run_cached(job, cache_folder(fresh=fresh, job=job), stage)
            rows += fev_rows(name, runs, panel)
    tables = {score: ranked(rows, score) for score in ("mase", "sql")}
    if as_json:
        emit_json(tables)
    else:
        emit(tables["mase"], as_json=False, title="fev-bench, absolute error (MASE)", decimals=3)
        emit(tables["sql"], as_json=False, title="fev-bench, quantile loss (SQL)", decimals=3)
    if wrong := unlike_published(rows):
        err.print(
            f"the seasonal naive of {', '.join(wrong)} is not the published one: these figures cannot be"
            " compared"
        )
        raise typer.Exit(1)


@app.command()
def zones(
    *,
    data: Annotated[
        Path,
        typer.Option(
            "--data",
            help=(
                "A file with columns ts_utc, zone, price_eur_mwh, load_fc_mw, ... or ts_utc,"
                " price_<zone>_eur_mwh."
            ),
        ),
    ],
    zone: Annotated[
        list[str] | None, typer.Option(help="Bidding zone; repeat for several. Default: all of the file.")
    ] = None,
    test_from: Annotated[str, typer.Option(metavar=DAY_FORM, help="First test day.")] = "2024-01-01",
    profile: Annotated[str, typer.Option(help="Settings of the engine in conf/models.")] = "fast",
    forecaster: Annotated[
        list[str] | None,
        typer.Option(
            "--forecaster",
            help=(
                "engine, or a profile of conf/models such as naive, lear, catboost_small; repeat. Default:"
                " engine, naive, lear, catboost_small."
            ),
        ),
    ] = None,
    inputs: Annotated[
        str,
        typer.Option(
            help="at_gate: only what was known at the gate; assumed: also what was published later; both."
        ),
    ] = "both",
    neighbours: Annotated[
        bool,
        typer.Option(
            "--neighbours",
            help="Let the engine see its neighbours' prices and residual loads of the day before.",
        ),
    ] = False,
    fresh: Fresh = False,
    as_json: JsonFlag = False,
) -> None:
    """Run the same walk-forward on any zones and years.

    The engine is compared with the naive forecast, LEAR and a small CatBoost, on inputs known at the gate and
    on assumed inputs. A year that has hourly and quarter-hour days is run as one, and scored per resolution.

    Exit code 2: an option or the file is wrong, and nothing was run.
    """
    if not data.is_file():
        raise ConfigurationError(f"no file {data}: name one file in the layout of the thirteen zones")
    test_from, held = f"{a_day(test_from):%Y-%m-%d}", zones_in(data)
    chosen = list(dict.fromkeys(find_zone(name).name for name in zone)) if zone else held
    if missing := [name for name in chosen if name not in held]:
        raise ConfigurationError(
            f"{data.name} does not hold {', '.join(missing)}: it holds {', '.join(held)}"
        )
    models = forecaster or list(_MODELS)
    variants = {"at_gate": (True,), "assumed": (False,), "both": (True, False)}.get(inputs)
    if variants is None:
        raise ConfigurationError("--inputs must be at_gate, assumed or both")
    documents = {name: _zone_settings(name, profile) for name in models}
    rows: list[dict[str, Any]] = []
    with progress(len(chosen) * len(variants) * len(models)) as step:
        for name in chosen:
            panels = {honest: read_zone(data, name, known_at_gate_only=honest) for honest in variants}
            for honest, panel in panels.items():
                if not panel.inputs and honest != variants[0]:
                    continue  # a file with prices only has one set of inputs
                for kind in models:
                    job = BenchmarkJob(
                        source=str(data.resolve()),
                        zone=name,
                        settings=documents[kind],
                        first_test_day=test_from,
                        known_at_gate_only=honest,
                        refit_days=_REFIT_DAYS.get(documents[kind]["kind"], 0),
                        has_neighbours=neighbours and kind == "engine",
                    )
                    run = run_cached(job, cache_folder(fresh=fresh, job=job), step(f"{name} {kind}"))
                    label = "at_gate" if honest else "assumed"
                    rows += zone_rows(
                        name, kind if kind != "engine" else f"engine {profile}", label, run, panel
                    )
    emit(rows, as_json=as_json, title=f"{data.stem}, test from {test_from}")


def _zone_settings(kind: str, profile: str) -> dict[str, Any]:
    if kind == "lear":
        return {"kind": "lear", "lear": {"windows_days": _LEAR_WINDOWS}, "levels": list(ALL_LEVELS)}
    return profile_settings(profile if kind == "engine" else kind)


if __name__ == "__main__":
    out.soft_wrap = True
    app()
