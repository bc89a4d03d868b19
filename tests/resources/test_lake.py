"""The lake keeps its promises: contracts on write, nothing dropped, the same write twice is one write."""

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from resources.lake.lake import Lake, WriteReport
from spot.contracts.tables import TABLES, find_contract
from spot.errors import ConfigurationError, ContractError
from tests.support.lake_rows import DAY, outcomes, prices, training_rows
from tests.support.raw_rows import good_price_row, price_frame


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(uri=str(tmp_path / "lake"))


class TestReading:
    def test_a_table_that_does_not_exist_is_empty_under_its_contract(self, lake: Lake) -> None:
        for name, contract in TABLES.items():
            assert lake.read(name).schema == pl.Schema(contract.schema)
            assert lake.version(name) == -1
            assert lake.state(name) == ""
        assert lake.tables() == []

    def test_what_is_written_is_read_back(self, lake: Lake) -> None:
        frame = prices(n_days=40)
        lake.append("day_ahead_prices", frame, source="files")
        assert lake.read("day_ahead_prices").equals(frame.sort(find_contract("day_ahead_prices").key))
        assert lake.tables() == ["day_ahead_prices"]

    def test_selection_by_zone_and_day(self, lake: Lake) -> None:
        lake.append(
            "day_ahead_prices",
            pl.concat([prices("DE_LU", n_days=40), prices("FR", n_days=40)]),
            source="files",
        )
        some = lake.read(
            "day_ahead_prices", zones=["FR"], first_day=date(2024, 6, 30), last_day=date(2024, 7, 1)
        )
        assert some["zone"].unique().to_list() == ["FR"]
        assert some["delivery_day"].unique().sort().to_list() == [date(2024, 6, 30), date(2024, 7, 1)]
        assert lake.read("day_ahead_prices", zones=[]).is_empty()

    @pytest.mark.parametrize("zone", ["ATLANTIS", "DE_LU' OR '1'='1", "../FR", ""])
    def test_only_known_zones_reach_a_query(self, lake: Lake, zone: str) -> None:
        lake.append("day_ahead_prices", prices(), source="files")
        with pytest.raises(ContractError, match="unknown bidding zone"):
            lake.read("day_ahead_prices", zones=[zone])
        with pytest.raises(ContractError, match="unknown bidding zone"):
            lake.replace("training_set", training_rows([]), zone=zone, first_day=DAY, last_day=DAY)

    def test_unknown_tables_are_refused(self, lake: Lake) -> None:
        with pytest.raises(ConfigurationError, match="unknown table"):
            lake.read("tea_leaves")

    def test_as_of_an_instant_the_newest_vintage_by_then(self, lake: Lake) -> None:
        first, second = datetime(2024, 5, 31, 11, tzinfo=UTC), datetime(2024, 5, 31, 15, tzinfo=UTC)
        for known, price in ((first, 1.0), (second, 2.0)):
            lake.append(
                "day_ahead_prices",
                price_frame(good_price_row(available_at_utc=known, price_eur_per_mwh=price)),
                source="files",
            )

        def at(instant: datetime) -> Any:
            return lake.read("day_ahead_prices", as_of_utc=instant)["price_eur_per_mwh"].to_list()

        second_before = timedelta(seconds=1)
        assert [at(first - second_before), at(first), at(second - second_before), at(second)] == [
            [],
            [1.0],
            [1.0],
            [2.0],
        ]
        assert lake.read("day_ahead_prices").height == 2
        with pytest.raises(ContractError, match="no time zone"):
            at(first.replace(tzinfo=None))

    def test_as_of_an_instant_of_derived_tables(self, lake: Lake) -> None:
        lake.replace(
            "training_set",
            training_rows([DAY, date(2024, 6, 3)]),
            zone="DE_LU",
            first_day=DAY,
            last_day=date(2024, 6, 3),
        )
        assert list(outcomes(lake, as_of_utc=datetime(2024, 5, 31, 10, tzinfo=UTC))) == [DAY]
        lake.append("day_ahead_prices", prices().with_columns(price_eur_per_mwh=pl.lit(9e9)), source="files")
        with pytest.raises(ContractError, match="does not say when"):
            lake.read("quarantine", as_of_utc=datetime(2024, 5, 31, 10, tzinfo=UTC))

    def test_an_older_version_is_still_there(self, lake: Lake) -> None:
        lake.append("day_ahead_prices", prices(n_days=1), source="files")
        version = lake.version("day_ahead_prices")
        lake.append("day_ahead_prices", prices(n_days=2), source="files")
        assert lake.read("day_ahead_prices", version=version).height == 24
        assert lake.read("day_ahead_prices").height == 48


class TestAppending:
    def test_the_same_batch_again_adds_nothing(self, lake: Lake) -> None:
        first = lake.append("day_ahead_prices", prices(n_days=2), source="files")
        again = lake.append("day_ahead_prices", prices(n_days=2), source="files")
        assert first == WriteReport(48, 0, 0, first.version)
        assert again == WriteReport(0, 48, 0, first.version)

    def test_an_overlapping_batch_adds_what_is_new(self, lake: Lake) -> None:
        lake.append("day_ahead_prices", prices(n_days=2), source="files")
        report = lake.append("day_ahead_prices", prices(n_days=3), source="files")
        assert (report.n_new, report.n_known) == (24, 48)
        assert lake.read("day_ahead_prices").height == 72

    def test_an_empty_batch_writes_nothing(self, lake: Lake) -> None:
        assert lake.append("day_ahead_prices", prices().clear(), source="files") == WriteReport(0, 0, 0, -1)
        assert lake.tables() == []

    def test_bad_rows_go_to_quarantine_once_with_their_reason(self, lake: Lake) -> None:
        bad = [
            good_price_row(price_eur_per_mwh=float("nan")),
            good_price_row(zone="ATLANTIS"),
            good_price_row(price_eur_per_mwh=4500.0, delivery_start_utc=datetime(2024, 6, 1, 11, tzinfo=UTC)),
        ]
        for _ in range(2):
            report = lake.append("day_ahead_prices", price_frame(good_price_row(), *bad), source="files")
            assert report.n_quarantined == 3
        assert lake.read("day_ahead_prices").height == 1
        held = lake.read("quarantine").sort("reason")
        assert held["reason"].to_list() == [
            "price_eur_per_mwh beyond the harmonised limit of its day",
            "price_eur_per_mwh is not finite",
            "zone is unknown",
        ]
        assert held["zone"].to_list() == ["DE_LU", "DE_LU", "unknown"]
        assert held["table_name"].unique().to_list() == ["day_ahead_prices"]
        assert json.loads(held["row_json"][0])["price_eur_per_mwh"] == 4500.0
        assert json.loads(held["row_json"][1])["price_eur_per_mwh"] == "nan"
        assert json.loads(held["row_json"][2])["zone"] == "ATLANTIS"

    def test_a_row_that_contradicts_the_ledger_is_quarantined_and_the_ledger_stays(self, lake: Lake) -> None:
        lake.append("day_ahead_prices", price_frame(good_price_row()), source="files")
        report = lake.append(
            "day_ahead_prices", price_frame(good_price_row(price_eur_per_mwh=43.0)), source="other"
        )
        assert (report.n_new, report.n_known, report.n_quarantined) == (0, 0, 1)
        assert lake.read("day_ahead_prices")["price_eur_per_mwh"].to_list() == [42.0]
        assert lake.read("quarantine")["reason"].to_list() == ["contradicts the ledger on its key"]

    def test_a_revision_is_a_new_row(self, lake: Lake) -> None:
        later = datetime(2024, 5, 31, 15, tzinfo=UTC)
        lake.append("day_ahead_prices", price_frame(good_price_row()), source="files")
        lake.append(
            "day_ahead_prices",
            price_frame(good_price_row(price_eur_per_mwh=43.0, available_at_utc=later)),
            source="files",
        )
        assert lake.read("day_ahead_prices").sort("available_at_utc")["price_eur_per_mwh"].to_list() == [
            42.0,
            43.0,
        ]

    def test_fetching_the_same_value_again_is_no_revision(self, lake: Lake) -> None:
        def captured(hour: Any, price: Any) -> Any:
            row = good_price_row(
                availability="captured",
                available_at_utc=datetime(2024, 5, 31, hour, tzinfo=UTC),
                price_eur_per_mwh=price,
            )
            return lake.append("day_ahead_prices", price_frame(row), source="entsoe").n_new

        assert [
            captured(11, 42.0),
            captured(12, 42.0),
            captured(13, 43.0),
            captured(14, 43.0),
            captured(15, 42.0),
        ] == [1, 0, 1, 0, 1]

    def test_a_derived_table_cannot_be_appended_to(self, lake: Lake) -> None:
        with pytest.raises(ContractError, match="not raw"):
            lake.append("training_set", training_rows([DAY]), source="files")

    def test_missing_columns_stop_and_write_nothing(self, lake: Lake) -> None:
        with pytest.raises(ContractError, match="missing columns"):
            lake.append("day_ahead_prices", prices().drop("source"), source="files")
        assert lake.tables() == []

    def test_many_small_appends_are_compacted_and_keep_their_rows(self, lake: Lake, tmp_path: Path) -> None:
        start = datetime(2024, 5, 31, 11, tzinfo=UTC)
        for i in range(30):
            row = good_price_row(available_at_utc=start + timedelta(minutes=i), price_eur_per_mwh=float(i))
            lake.append("day_ahead_prices", price_frame(row), source="files")
        assert sorted(lake.read("day_ahead_prices")["price_eur_per_mwh"]) == [float(i) for i in range(30)]
        verification = next(iter(lake.verify()))
        assert verification.n_files < 24
        assert verification.is_sound
