"""Plug-ins of installed packages: found, checked, never silent, and part of the version of what they make."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from resources.home.make import make_home
from resources.lake.lake import Lake
from resources.market.live_sources import LiveProviders, live_only_tables
from resources.plugins.members import MEMBERS
from resources.plugins.registry import Registry
from resources.plugins.source_code import _hash_of_package, source_hash
from resources.plugins.sources import SOURCES, all_secrets, check_feed, secret_lines
from resources.plugins.strategies import STRATEGIES
from resources.settings.code_version import model_code_version
from resources.settings.strategies import read_strategy
from resources.settings.zones import make_desk, parse_desk_settings
from spot.errors import ConfigurationError, ContractError
from spot.strategy.proposals.storage import Storage
from spot.strategy.signals import decide_signals
from tests.support.made_up_package import install
from tests.support.sample_market import ZONE, make_request

GOOD = """
from typing import Literal
from spot.strategy.interface import Strategy

class Flat(Strategy):
    strategy: Literal["acme_flat"] = "acme_flat"
    settled_against: Literal["nothing"] = "nothing"

    def propose(self, view):
        raise NotImplementedError
"""


def fresh(registry: Registry[Any]) -> Registry[Any]:
    """The registry as another process has it, which has read nothing yet."""
    return Registry(registry.group, registry.load_built_in, registry.missing, registry.prepare)


@pytest.fixture
def packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder on the path; modules that were imported from it are forgotten afterwards."""
    monkeypatch.syspath_prepend(str(tmp_path))
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        if name.startswith("acme"):
            del sys.modules[name]
    _hash_of_package.cache_clear()


def test_a_strategy_of_a_package_is_found_and_names_its_package(packages: Path) -> None:
    install(packages, "acme_one", GOOD, {"spotdesk.strategies": {"acme_flat": "acme_one:Flat"}})
    strategies = fresh(STRATEGIES)
    assert list(strategies) == ["settlement_spread", "storage", "storage_groups", "price_view", "acme_flat"]
    assert "acme_flat" in strategies
    assert "acme_one" not in sys.modules, "listing the names imports nothing"
    assert strategies["acme_flat"]().strategy == "acme_flat"
    assert strategies.package_of("acme_flat") == "acme_one 1.2"
    assert strategies.package_of("storage") == ""
    entry = strategies.registrations()[-1]
    assert (entry.name, entry.package, entry.problem) == ("acme_flat", "acme_one 1.2", "")


@pytest.mark.parametrize(
    ("code", "point", "complaint"),
    [
        ("raise RuntimeError('no licence')", "acme_bad:Flat", "cannot be imported: RuntimeError: no licence"),
        ("import nowhere_to_be_found", "acme_bad:Flat", "cannot be imported: ModuleNotFoundError"),
        ("def", "acme_bad:Flat", "cannot be imported: SyntaxError"),
        (GOOD, "acme_bad:Round", "cannot be imported: AttributeError"),
        ("Flat = 3", "acme_bad:Flat", "it is not a class"),
        ("class Flat: pass", "acme_bad:Flat", "does not derive from spot.strategy.interface.Strategy"),
        (GOOD.replace("def propose", "def suppose"), "acme_bad:Flat", "it lacks propose"),
        (GOOD.replace('"acme_flat"', '"acme_round"'), "acme_bad:Flat", "default 'acme_round'"),
    ],
)
def test_a_strategy_that_cannot_be_used_says_who_brings_it_and_what_is_missing(
    packages: Path, code: str, point: str, complaint: str
) -> None:
    install(packages, "acme_bad", code, {"spotdesk.strategies": {"acme_flat": point}})
    strategies = fresh(STRATEGIES)
    with pytest.raises(ConfigurationError) as refusal:
        strategies["acme_flat"]
    assert str(refusal.value).startswith(
        f"plug-in 'acme_flat' of spotdesk.strategies, acme_bad 1.2 ({point}): "
    )
    assert complaint in str(refusal.value)
    assert strategies.registrations()[-1].problem == str(refusal.value)
    assert strategies["storage"], "the others go on"


@pytest.mark.parametrize(
    ("code", "complaint"),
    [
        ("class Two: pass", "does not derive from spot.forecast.hourly_forecaster.HourlyForecaster"),
        (
            "from spot.forecast.naive import NaiveForecaster as N\nclass Two(N):\n    name = 'two'",
            "its kind of its settings is 'naive', the entry point is called 'two'",
        ),
        (
            "from spot.forecast.naive import NaiveForecaster as N\nclass Two(N):\n    settings_type = dict",
            "its settings_type is no subclass of spot.forecast.hourly_forecaster.ForecasterSettings",
        ),
        (
            (
                "from spot.forecast.hourly_forecaster import HourlyForecaster\nclass Two(HourlyForecaster):\n"
                "    pass"
            ),
            "it lacks _learn, _next_day",
        ),
    ],
)
def test_a_member_that_cannot_be_used_says_what_is_missing(packages: Path, code: str, complaint: str) -> None:
    install(packages, "acme_member", code, {"spotdesk.models": {"two": "acme_member:Two"}})
    with pytest.raises(ConfigurationError, match=r"acme_member 1\.2") as refusal:
        fresh(MEMBERS)["two"]
    assert complaint in str(refusal.value)


def test_a_plugin_never_takes_the_place_of_a_class_of_spotdesk_nor_of_another_package(packages: Path) -> None:
    own = GOOD.replace("acme_flat", "storage")
    install(packages, "acme_first", own, {"spotdesk.strategies": {"storage": "acme_first:Flat"}})
    install(packages, "acme_second", GOOD, {"spotdesk.strategies": {"acme_flat": "acme_second:Flat"}})
    install(packages, "acme_third", GOOD, {"spotdesk.strategies": {"acme_flat": "acme_third:Flat"}})
    strategies = fresh(STRATEGIES)
    assert strategies["storage"].__module__ == "spot.strategy.proposals.storage"
    problems = {entry.package: entry.problem for entry in strategies.registrations() if entry.problem}
    assert "the name 'storage' is that of a class of Spotdesk" in problems["acme_first 1.2"]
    with pytest.raises(
        ConfigurationError, match=r"acme_second 1\.2 and acme_third 1\.2.*more than one package"
    ):
        strategies["acme_flat"]


def test_a_zone_that_asks_for_a_broken_plugin_is_refused_with_the_reason(
    packages: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    install(packages, "acme_bad", "1 / 0", {"spotdesk.strategies": {"acme_flat": "acme_bad:Flat"}})
    monkeypatch.setattr("resources.settings.strategies.STRATEGIES", fresh(STRATEGIES))
    conf = tmp_path / "conf"
    (conf / "strategies").mkdir(parents=True)
    (conf / "strategies" / "mine.yaml").write_text("strategy: acme_flat\n")
    desk = make_desk(conf, parse_desk_settings({"zones": {"DE_LU": {"strategies": ["mine"]}}}))
    with pytest.raises(ConfigurationError, match=r"acme_bad 1\.2.*ZeroDivisionError"):
        read_strategy(desk, "mine")
    (conf / "strategies" / "mine.yaml").write_text("strategy: acme_round\n")
    with pytest.raises(ConfigurationError, match="'acme_round' is unknown, known are settlement_spread"):
        read_strategy(desk, "mine")


def test_the_ledger_takes_no_row_of_a_strategy_that_there_is_not(tmp_path: Path) -> None:
    frame = decide_signals(make_request(date(2025, 6, 3), Storage())).frame
    lake = Lake(uri=str(tmp_path / "lake"))
    span: dict[str, Any] = {"zone": ZONE, "first_day": date(2025, 6, 3), "last_day": date(2025, 6, 3)}
    assert lake.replace("signals", frame, **span).n_new == frame.height
    strange = frame.with_columns(strategy=pl.lit("acme_gone"))
    with pytest.raises(ContractError, match="no strategy is called acme_gone"):
        lake.replace("signals", strange, **span)


def test_the_code_of_a_plugin_is_part_of_the_version_of_what_it_makes(
    packages: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = (
        "from spot.forecast.naive import NaiveForecaster, NaiveSettings\n"
        "from typing import Literal\nclass S(NaiveSettings):\n    kind: Literal['two'] = 'two'\n"
        "class Two(NaiveForecaster):\n    name = 'two'\n    settings_type = S\n"
    )
    install(packages, "acme_member", code, {"spotdesk.models": {"two": "acme_member:Two"}})
    monkeypatch.setattr("resources.settings.code_version.MEMBERS", fresh(MEMBERS))
    first, own = model_code_version({"kind": "two"}), model_code_version({"kind": "engine"})
    assert first != own
    assert model_code_version({"kind": "naive"}) == own
    _hash_of_package.cache_clear()
    (packages / "acme_member.py").write_text(code + "# a later thought\n")
    assert model_code_version({"kind": "two"}) != first
    assert model_code_version({"kind": "gone"}) not in (first, own)


def test_the_hash_of_a_package_covers_all_its_files(packages: Path) -> None:
    inner = packages / "acme_package" / "inner"
    inner.mkdir(parents=True)
    for folder in (inner.parent, inner):
        (folder / "__init__.py").write_text("")
    (inner / "deep.py").write_text("class Deep: pass\n")
    from acme_package.inner import deep  # type: ignore[import-not-found]

    before = source_hash(deep.Deep)
    (inner.parent / "other.py").write_text("x = 1\n")
    _hash_of_package.cache_clear()
    assert source_hash(deep.Deep) != before


SOURCE = """
from typing import ClassVar
from resources.providers.http import HttpPolicy
from resources.providers.provider import Provider, Secret

class Acme(Provider):
    name: ClassVar[str] = "acme"
    summary: ClassVar[str] = "made-up prices"
    docs: ClassVar[str] = "https://acme.example/docs"
    secrets: ClassVar = (Secret(name="acme", field="key", variable="ACME_KEY", what="key of Acme"),)
    policy = HttpPolicy()
    longest_span_days = 7

    def __init__(self, key="", base_url="https://acme.example"):
        self.key, self.base_url = key, base_url

    def tables(self, zone):
        return frozenset({"day_ahead_prices"})

    def requests(self, table, zone, first_day, last_day):
        self.require_secrets()
        return []
"""


@pytest.fixture
def sources(packages: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Installs code as the source `acme` and gives the registry that has it."""

    def install_source(code: str) -> Registry[Any]:
        install(packages, "acme_source", code, {"spotdesk.sources": {"acme": "acme_source:Acme"}})
        found = fresh(SOURCES)
        for module in ("resources.plugins.sources", "resources.market.live_sources"):
            monkeypatch.setattr(f"{module}.SOURCES", found)
        return found

    return install_source


def test_a_source_of_a_package_is_made_with_its_key_and_feeds_a_zone(sources: Callable[..., Any]) -> None:
    sources(SOURCE)
    settings = parse_desk_settings({"zones": {"DE_LU": {"source": "acme"}}})
    assert settings.zones["DE_LU"].source == "acme"
    made: Any = LiveProviders(
        lambda name: {"ACME_KEY": "k"}.get(name, ""), {"acme": "https://mirror.example"}
    )["acme"]
    assert (made.key, made.base_url) == ("k", "https://mirror.example")
    assert all_secrets()["acme"].variable == "ACME_KEY"
    assert "# acme: key of Acme (https://acme.example/docs)\n#ACME_KEY=\n" in secret_lines()
    with pytest.raises(ConfigurationError, match=r"acme needs its key of Acme: set ACME_KEY in \.env"):
        LiveProviders()["acme"].requests("day_ahead_prices", "DE_LU", date(2025, 6, 3), date(2025, 6, 3))


def test_a_broken_source_is_told_to_who_asks_and_leaves_the_others_alone(sources: Callable[..., Any]) -> None:
    sources("raise OSError('no licence')")
    settings = parse_desk_settings({"zones": {"DE_LU": {"source": "acme"}, "FR": {"source": "smard"}}})
    providers = LiveProviders()
    assert providers.tables("acme", "DE_LU") == frozenset()
    assert providers.tables("smard", "FR") == {"day_ahead_prices"}
    assert "acme_source 1.2" in providers.problem("acme")
    assert "OSError: no licence" in providers.problem("acme")
    assert live_only_tables("DE_LU", settings.zones["DE_LU"].sources) == ()


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (("(Provider)", ""), "does not derive from resources.providers.provider.Provider"),
        (("def tables", "def table"), "it lacks tables"),
        (("    longest_span_days = 7\n", ""), "it lacks longest_span_days"),
        (('"acme"\n', '"acne"\n'), "its name is 'acne', the entry point is called 'acme'"),
    ],
)
def test_a_source_that_cannot_be_used_says_what_is_missing(
    sources: Callable[..., Any], change: tuple[str, str], complaint: str
) -> None:
    found = sources(SOURCE.replace(*change, 1))
    with pytest.raises(ConfigurationError, match=r"acme_source 1\.2") as refusal:
        found["acme"]
    assert complaint in str(refusal.value)


def test_an_unknown_source_names_the_nearest_one() -> None:
    with pytest.raises(ConfigurationError, match=r"no source 'smart': did you mean smard\?"):
        check_feed("smart")
    with pytest.raises(ConfigurationError, match="no source 'ecb': known are"):
        check_feed("ecb")
    with pytest.raises(ConfigurationError, match="no source 'smart': did you mean smard"):
        parse_desk_settings({"zones": {"DE_LU": {"source": "smart"}}})
    with pytest.raises(ConfigurationError, match="no source 'smart'"):
        parse_desk_settings({"zones": {"DE_LU": {"fallback_sources": {"day_ahead_prices": ["smart"]}}}})


@pytest.mark.parametrize("name", SOURCES.built_in)
def test_every_source_of_spotdesk_is_called_like_its_module_and_has_a_page(
    name: str, project_root: Path
) -> None:
    found = SOURCES[name]
    assert found.name == name
    assert found.summary
    assert (project_root / found.docs).is_file()


def test_the_stop_button_reads_no_plugin(packages: Path, tmp_path: Path) -> None:
    groups = ("spotdesk.strategies", "spotdesk.models", "spotdesk.sources")
    install(packages, "acme_bad", "1 / 0", {group: {"acme": "acme_bad:Any"} for group in groups})
    make_home(tmp_path / "home")
    program = (
        "import sys; from desk.main import app; sys.argv = ['spotdesk', 'halt', '--reason', 'test', '--by',"
        " 'A']\ntry:\n    app()\nexcept SystemExit as end:\n    code = end.code\nassert not code,"
        " code\nassert not {'acme_bad', 'httpx', 'resources.plugins'} & set(sys.modules)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={
            "PYTHONPATH": f"{packages}:{Path(__file__).parents[2]}",
            "SPOTDESK_HOME": str(tmp_path / "home"),
            "PATH": "",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
