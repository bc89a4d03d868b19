"""Every file of settings goes through one strict reader.

Its errors name the file, the line and the cure.
"""

import shutil
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resources.settings.model_profiles import model_profile
from resources.settings.policies import monitoring_settings, promotion_settings
from resources.settings.risk_limits import read_limit_book
from resources.settings.strategies import read_strategy
from resources.settings.yaml_file import parse_yaml, read_yaml
from resources.settings.zones import Desk, DeskSettings, ZoneSettings, load_desk_settings, make_desk
from spot.errors import ConfigurationError


@pytest.fixture
def conf(tmp_path: Path, project_root: Path) -> Path:
    return Path(shutil.copytree(project_root / "resources/home/templates/conf", tmp_path / "conf"))


def _desk(conf: Path) -> Desk:
    return make_desk(conf, DeskSettings(zones={"DE_LU": ZoneSettings()}))


def _refusal(path: Path, text: str | bytes) -> str:
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ConfigurationError) as refused:
        load_desk_settings(path)
    said = str(refused.value)
    assert said.startswith(f"{path}: ")
    return said.removeprefix(f"{path}: ")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty, expected settings (name: value)"),
        (b"# only words\n", "is empty, expected settings (name: value)"),
        (b"- DE_LU\n", "line 1: expected a mapping (name: value)"),
        (b"zones:\n  DE_LU: {}  # \xe9\n", "line 2: holds bytes that are not UTF-8: save the file as UTF-8"),
        (
            b"defaults: {}\nzones:\n  DE_LU: {source: files}\n  DE_LU: {source: simulated}\n",
            "line 4: DE_LU is given twice, first on line 3: keep one of the two",
        ),
        (
            b"zones:\n  DE_LU: {seed: 1, seed: 2}\n",
            "line 2: seed is given twice, first on line 2: keep one of the two",
        ),
        (b"zones:\n  NO: {}\n", "line 2: the name NO is not text for YAML: put it in quotes"),
        (
            b"zones:\n\tDE_LU: {}\n",
            (
                "line 2: not valid YAML: while scanning for the next token, found character that cannot start"
                " any token"
            ),
        ),
        (b"zones: {DE_LU: &own [*own]}\n", "line 1: too many entries"),
        (
            b"zones: !!python/object:os.system {}\n",
            "line 1: the tag python/object:os.system is not allowed in settings",
        ),
        (b"zones: {DE_LU: {seed: 2026-13-45}}\n", "line 1: not valid YAML: '2026-13-45' cannot be read"),
        (b"zones: {}\n---\nzones: {}\n", "line 2: not valid YAML: expected a single document"),
        (b"defaults: {}\n", "line 1: zones: no zone, write for example DE_LU: {}"),
        (b"zones: [DE_LU]\n", "line 1: zones: expected a mapping (name: value)"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_in_one_sentence(
    tmp_path: Path, content: bytes, said: str
) -> None:
    assert _refusal(tmp_path / "zones.yaml", content).startswith(said)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("modle: fast", "modle: no such setting, did you mean model?"),
        ("colour: red", "colour: no such setting, known are source, fallback_sources, "),
        ("seed: abc", "seed: expected a whole number, not 'abc'"),
        ("seed: 1.5", "seed: expected a whole number, not 1.5"),
        ("seed: -1", "seed: must be at least 0, not -1"),
        ("model: on", "model: expected text, not true: put it in quotes"),
        ("model: Best Model", "model: must match the pattern ^[a-z0-9_]+$, not 'Best Model'"),
        ("live: {a: 1}", "live: expected true or false, not a mapping"),
        ("strategies: storage", "strategies: expected a list, not 'storage'"),
        ("strategies: [1]", "strategies.entry 1: expected text, not 1: put it in quotes"),
        (
            "fallback_sources: {day_ahead_price: []}",
            "fallback_sources: day_ahead_price is not a raw table, did you mean day_ahead_prices?",
        ),
        ("scenarios: [{name: gas_shock, start_dy: 2025-01-01}]", "scenarios.entry 1.start_day: is missing"),
        (
            "scenarios: [{name: gas, start_day: 2025-01-01}]",
            "scenarios.entry 1.name: must be 'gas_shock', 'solar_boom', ",
        ),
        (
            "scenarios: [{name: gas_shock, start_day: soon}]",
            "scenarios.entry 1.start_day: expected a day such as 2026-03-29, not 'soon'",
        ),
    ],
)
def test_a_wrong_setting_is_told_with_its_line_and_the_cure(tmp_path: Path, line: str, said: str) -> None:
    told = _refusal(tmp_path / "zones.yaml", f"zones:\n  DE_LU:\n    {line}\n")
    assert told.startswith(f"line 3: zones.DE_LU.{said}")
    assert "pydantic" not in told
    assert "\n" not in told


def test_an_unknown_zone_is_told_on_its_own_line(tmp_path: Path) -> None:
    said = _refusal(tmp_path / "zones.yaml", "zones:\n  DE_LU: {}\n  NLX: {}\n")
    assert said.startswith("line 3: zones.NLX: unknown bidding zone 'NLX': did you mean NL?")


def test_a_fault_of_the_defaults_is_told_there_and_not_of_each_zone(tmp_path: Path) -> None:
    said = _refusal(
        tmp_path / "zones.yaml",
        "defaults:\n  seed: x\nzones:\n  DE_LU: {}\n  FR: {model: fast}\n  BE: {seed: y}\n",
    )
    assert (
        said
        == "line 2: defaults.seed: expected a whole number, not 'x'; line 6: zones.BE.seed: expected a whole"
        " number, not 'y'"
    )


def test_all_faults_are_told_at_once_in_the_order_of_their_lines(tmp_path: Path) -> None:
    said = _refusal(
        tmp_path / "zones.yaml",
        "partition_yers: 2\ndefaults: {modle: fast}\nzones:\n  DE_LU: {live: perhaps}\n",
    )
    assert [part.partition(":")[0] for part in said.split("; ")] == ["line 1", "line 2", "line 4"]


def test_the_defaults_hold_for_a_zone_that_the_file_does_not_list(tmp_path: Path) -> None:
    path = tmp_path / "zones.yaml"
    path.write_text(
        "defaults:\n  model: lear\n  strategies: [settlement_spread, storage]\nzones:\n  DE_LU: {}\n"
    )
    settings = load_desk_settings(path).with_zones(["FR"]).zones["FR"]
    assert (settings.model, settings.strategies) == ("lear", ("settlement_spread", "storage"))


def test_a_setting_of_a_zone_may_come_from_an_anchor(tmp_path: Path) -> None:
    path = tmp_path / "zones.yaml"
    path.write_text("zones:\n  DE_LU: &own\n    seed: 3\n    model: lear\n  FR:\n    <<: *own\n    seed: 4\n")
    zones = load_desk_settings(path).zones
    assert [(zone.seed, zone.model) for zone in zones.values()] == [(3, "lear"), (4, "lear")]


def test_a_file_that_is_not_there_names_the_nearest(conf: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"no file .*fsat\.yaml: did you mean fast\?"):
        model_profile(_desk(conf), "fsat")


@pytest.mark.parametrize(
    ("file", "before", "after", "read", "said"),
    [
        (
            "promotion.yaml",
            "error_level:",
            "eror_level:",
            promotion_settings,
            "eror_level: no such setting, did you mean error_level?",
        ),
        (
            "monitoring.yaml",
            "chunk_days:",
            "chunk_day:",
            monitoring_settings,
            "chunk_day: no such setting, did you mean chunk_days?",
        ),
        (
            "strategies/storage.yaml",
            "strategy: storage",
            "strategy: storag",
            lambda desk: read_strategy(desk, "storage"),
            "strategy: 'storag' is unknown, did you mean storage?",
        ),
        (
            "strategies/storage.yaml",
            "strategy: storage",
            "strategy: storage\npower: 1",
            lambda desk: read_strategy(desk, "storage"),
            "power: no such setting, ",
        ),
        (
            "models/lear.yaml",
            "kind: lear",
            "kind: laer",
            lambda desk: model_profile(desk, "lear"),
            "kind: 'laer' is unknown, did you mean lear?",
        ),
        (
            "models/lear.yaml",
            "kind: lear",
            "kind: lear\nlevel: [0.5]",
            lambda desk: model_profile(desk, "lear"),
            "level: no such setting, did you mean levels?",
        ),
    ],
)
def test_every_file_of_settings_names_its_lines(
    conf: Path, file: str, before: str, after: str, read: Callable[..., Any], said: str
) -> None:
    text = (conf / file).read_text()
    assert before in text
    (conf / file).write_text(text.replace(before, after, 1))
    lines = (conf / file).read_text().splitlines()
    name = said.partition(":")[0]
    number = next(n for n, line in enumerate(lines, start=1) if line.strip().startswith(f"{name}:"))
    with pytest.raises(ConfigurationError) as refused:
        read(_desk(conf))
    assert str(refused.value).startswith(f"{conf / file}: line {number}: ")
    assert said in str(refused.value)


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        (
            "  max_mw_per_mtu:",
            "  max_mw_per_mut:",
            "desk.max_mw_per_mut: no such name, did you mean max_mw_per_mtu?",
        ),
        ("zones:", "zone:", "zone: no such name, did you mean zones?"),
        ("zones:", "zones:\n  SKK: {}", "zones.SKK: no such name, did you mean SK?"),
        (
            "strategies:",
            "strategies:\n  storage: {max_mw: {limit: 1, action: block}}",
            "strategies.storage.max_mw: no such name, ",
        ),
    ],
)
def test_a_misspelt_limit_denies_and_says_which_was_meant(
    conf: Path, before: str, after: str, said: str
) -> None:
    path = conf / "risk_limits.yaml"
    path.write_text(path.read_text().replace(f"\n{before}", f"\n{after}", 1))
    book = read_limit_book(path)
    assert said in book.problem
    assert book.problem.startswith(f"{path}: line ")
    assert all(limit.value is None for limit in book.limits("DE_LU", "storage", date(2025, 6, 2)))


def test_every_file_of_the_templates_can_be_read(conf: Path) -> None:
    files = sorted(conf.rglob("*.yaml"))
    assert files
    assert all(read_yaml(file).content for file in files)
    assert read_limit_book(conf / "risk_limits.yaml").problem == ""


@given(
    st.one_of(
        st.binary(max_size=60), st.text(alphabet="ab:{}[]&*<!-# \n\t'\"|>?,1.", max_size=60).map(str.encode)
    )
)
def test_whatever_a_file_holds_is_settings_or_a_plain_refusal(content: Any) -> None:
    try:
        said = parse_yaml(content, "conf/zones.yaml").name
    except ConfigurationError as error:
        said = str(error)
    assert said.startswith("conf/zones.yaml")
