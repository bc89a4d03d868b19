"""What the benchmark commands share: markets, the folder of the data, settings and the cache."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn

from desk.benchmark.data import EPF_MARKETS, epf_file
from desk.benchmark.download import download_record
from desk.benchmark.job import BenchmarkJob
from desk.screen.console import err
from resources.home.find import state_home
from resources.plugins.shipped import settings_file
from resources.settings.environment import read_environment
from resources.settings.model_profiles import read_profile
from spot.errors import ConfigurationError
from spot.forecast.interface import QUANTILE_LEVELS
from spot.scores.scores import PERCENTILES

ALL_LEVELS = tuple(sorted({*PERCENTILES, *QUANTILE_LEVELS}))


def chosen_markets(market: Sequence[str] | None) -> list[str]:
    """Markets of the open benchmark as asked for; all five where none was named.

    Raises:
        ConfigurationError: a name is not one of them.
    """
    markets = list(dict.fromkeys(name.upper() for name in market)) if market else list(EPF_MARKETS)
    unknown = [name for name in markets if name not in EPF_MARKETS]
    if unknown:
        raise ConfigurationError(f"unknown market {', '.join(unknown)}: known are {', '.join(EPF_MARKETS)}")
    return markets


def epf_folder(data: Path | None, markets: Sequence[str]) -> Path:
    """The folder that holds the file of each market; without `data`, the files are downloaded.

    Raises:
        ConfigurationError: the folder is not there, or a market has no file in it.
        SourceUnavailableError: the public record did not answer.
    """
    if data is not None and not data.is_dir():
        raise ConfigurationError(
            f"no folder {data}: name the folder of the benchmark's files, or leave --data out to download"
            " them"
        )
    folder = data or _downloaded(markets)
    for name in markets:
        epf_file(folder, name)  # a missing file is reported now, not after other markets have run
    return folder


def epf_job(
    folder: Path, market: str, settings: dict[str, Any], *, checks_leaks: bool = False
) -> BenchmarkJob:
    """The run of one market: its last 728 days, as the published benchmark has them."""
    return BenchmarkJob(
        source=str(folder.resolve()),
        zone=f"EPF_{market}",
        settings=settings,
        first_test_day="",
        checks_leaks=checks_leaks,
    )


def profile_settings(name: str) -> dict[str, Any]:
    """Settings of a profile with all levels that the scores need."""
    settings = read_profile(settings_file(read_environment().settings_folder, "models", name))
    return settings if settings["kind"] == "catboost" else {**settings, "levels": list(ALL_LEVELS)}


def cache_folder(*, fresh: bool, job: BenchmarkJob) -> Path:
    """The folder of finished runs; with `fresh`, the stored run of the job is removed from it."""
    cache = state_home() / "benchmarks"
    if fresh:
        (cache / f"{job.key()}.npz").unlink(missing_ok=True)
    return cache


def _downloaded(markets: Sequence[str]) -> Path:
    """The folder of the downloaded benchmark."""
    folder = state_home() / "benchmarks" / "epf"
    out_of = {}
    with Progress(
        SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), console=err, transient=True
    ) as bar:

        def report(name: str, received: int, expected: int) -> None:
            if name not in out_of:
                out_of[name] = bar.add_task(f"download {name}", total=expected or None)
            bar.update(out_of[name], completed=received)

        download_record(folder, tuple(f"{name}.csv" for name in markets), report)
    return folder
