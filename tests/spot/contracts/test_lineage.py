"""Sources and lineages go to text and back without loss, and the text is what stored rows hold."""

import polars as pl
import pytest

from spot.contracts.lineage import DataSource, Lineage, sources_of


@pytest.mark.parametrize(
    ("text", "source"),
    [
        ("none", DataSource()),
        ("files", DataSource(("files",))),
        ("energy_charts, entsoe", DataSource(("energy_charts", "entsoe"))),
        (
            "simulated (assumed known: renewable_forecasts)",
            DataSource(("simulated",), ("renewable_forecasts",)),
        ),
        ("none (assumed known: a, b)", DataSource((), ("a", "b"))),
    ],
)
def test_a_source_is_read_from_its_text_and_written_back(text: str, source: DataSource) -> None:
    assert DataSource.parse(text) == source
    assert str(source) == text


@pytest.mark.parametrize(
    ("text", "lineage"),
    [
        ("files", Lineage("files")),
        ("simulated + renewable_forecasts", Lineage("simulated", ("renewable_forecasts",))),
        ("files against imbalance_price", Lineage("files", (), "imbalance_price")),
        ("entsoe + a, b against intraday_vwap", Lineage("entsoe", ("a", "b"), "intraday_vwap")),
    ],
)
def test_a_lineage_is_read_from_its_text_and_written_back(text: str, lineage: Lineage) -> None:
    assert Lineage.parse(text) == lineage
    assert str(lineage) == text


def test_the_order_in_which_sources_were_seen_does_not_show() -> None:
    assert (
        str(DataSource(("entsoe", "energy_charts"), ("b", "a")))
        == "energy_charts, entsoe (assumed known: a, b)"
    )
    assert str(Lineage("files", ("b", "a"))) == "files + a, b"


def test_simulated_data_are_known_as_such_with_and_without_assumptions() -> None:
    rows = pl.DataFrame({"source": ["simulated (assumed known: renewable_forecasts)", "simulated"]})
    assert all(source.is_simulated and source.main == "simulated" for source in sources_of(rows))
    assert not DataSource.parse("none").is_simulated
    assert DataSource.parse("none").main is None
    assert Lineage.parse("simulated against intraday_vwap").is_simulated
