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
from spot.market.delivery import days_between
from tests.support.raw_rows import good_price_row, price_frame, ramp, raw_day

DAY = date(2024, 6, 1)


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(uri=str(tmp_path / "lake"))


def prices(zone: str = "DE_LU", first_day: date = DAY, n_days: int = 1, **how: Any) -> pl.DataFrame:
    return pl.concat(
        [
            raw_day("day_ahead_prices", zone, day, ramp(zone, day), **how)
            for day in days_between(first_day, first_day + timedelta(days=n_days - 1))
        ]
    )


def training_rows(
    days: list[date] | tuple[date, ...], price: float = 1.0, zone: str = "DE_LU"
) -> pl.DataFrame:
    contract = find_contract("training_set")
    rows = [
        dict.fromkeys(contract.columns)
        | {
            "zone": zone,
            "delivery_day": day,
            "delivery_start_utc": datetime(day.year, day.month, day.day, 12, tzinfo=UTC),
            "resolution_minutes": 60,
            "price_eur_per_mwh": price,
            "as_of_utc": datetime(day.year, day.month, day.day, 10, tzinfo=UTC) - timedelta(days=1),
            "source": "files",
        }
        for day in days
    ]
    return pl.DataFrame(rows, schema=contract.schema)


def outcomes(lake: Lake, **where: Any) -> dict[date, float]:
    return dict(lake.read("training_set", **where).select("delivery_day", "price_eur_per_mwh").iter_rows())


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


class TestReplacing:
    def test_exactly_the_zone_and_days_are_replaced(self, lake: Lake) -> None:
        days = days_between(date(2024, 5, 30), date(2024, 6, 4))
        for zone in ("DE_LU", "FR"):
            lake.replace(
                "training_set",
                training_rows(days, 1.0, zone),
                zone=zone,
                first_day=days[0],
                last_day=days[-1],
            )
        inner = days[1:4]
        lake.replace(
            "training_set",
            training_rows(inner[:2], 2.0),
            zone="DE_LU",
            first_day=inner[0],
            last_day=inner[-1],
        )
        assert outcomes(lake, zones=["DE_LU"]) == {
            days[0]: 1.0,
            days[1]: 2.0,
            days[2]: 2.0,
            days[4]: 1.0,
            days[5]: 1.0,
        }
        assert outcomes(lake, zones=["FR"]) == dict.fromkeys(days, 1.0)

    def test_the_same_rows_again_make_no_commit(self, lake: Lake) -> None:
        where: dict[str, Any] = {"zone": "DE_LU", "first_day": DAY, "last_day": DAY}
        first = lake.replace("training_set", training_rows([DAY]), **where)
        assert lake.replace("training_set", training_rows([DAY]), **where) == WriteReport(
            0, 1, 0, first.version
        )

    def test_an_empty_frame_empties_the_days(self, lake: Lake) -> None:
        where: dict[str, Any] = {"zone": "DE_LU", "first_day": DAY, "last_day": DAY}
        lake.replace("training_set", training_rows([DAY]), **where)
        lake.replace("training_set", training_rows([]), **where)
        assert outcomes(lake) == {}

    @pytest.mark.parametrize("frame", [training_rows([date(2024, 6, 2)]), training_rows([DAY], zone="FR")])
    def test_rows_outside_stop_and_write_nothing(self, lake: Lake, frame: pl.DataFrame) -> None:
        with pytest.raises(ContractError, match="rows outside"):
            lake.replace("training_set", frame, zone="DE_LU", first_day=DAY, last_day=DAY)
        assert lake.read("training_set").is_empty()

    def test_a_row_that_breaks_its_contract_stops_and_writes_nothing(self, lake: Lake) -> None:
        with pytest.raises(ContractError, match="price_eur_per_mwh is not finite"):
            lake.replace(
                "training_set", training_rows([DAY], float("nan")), zone="DE_LU", first_day=DAY, last_day=DAY
            )
        assert lake.tables() == []

    def test_only_narrows_what_is_replaced(self, lake: Lake) -> None:
        contract = find_contract("day_ahead_forecasts")

        def forecast(role: Any, version: Any) -> Any:
            numbers = {name: 1.0 for name, column in contract.columns.items() if column.dtype == pl.Float64}
            texts = {name: "x" for name, column in contract.columns.items() if column.dtype == pl.String}
            instants = {
                name: datetime(2024, 5, 31, 10, tzinfo=UTC)
                for name in ("as_of_utc", "newest_input_utc", "delivery_start_utc")
            }
            what = {
                "zone": "DE_LU",
                "delivery_day": DAY,
                "resolution_minutes": 60,
                "role": role,
                "model_version": version,
            }
            frame = pl.DataFrame([numbers | texts | instants | what], schema=contract.schema)
            return lake.replace(
                "day_ahead_forecasts", frame, zone="DE_LU", first_day=DAY, last_day=DAY, only={"role": role}
            )

        for role, version in (("champion", "1"), ("challenger", "2"), ("champion", "3")):
            forecast(role, version)
        assert dict(lake.read("day_ahead_forecasts").select("role", "model_version").iter_rows()) == {
            "champion": "3",
            "challenger": "2",
        }
        with pytest.raises(ContractError, match="cannot name"):
            lake.replace(
                "day_ahead_forecasts",
                contract.empty(),
                zone="DE_LU",
                first_day=DAY,
                last_day=DAY,
                only={"role": "x' OR '1'='1"},
            )


class TestEvents:
    def row(
        self, event_id: str = "a", detail: str = "x", zone: str = "DE_LU", day: date = DAY
    ) -> pl.DataFrame:
        contract = find_contract("risk_events")
        who = {
            "event_id": event_id,
            "zone": zone,
            "delivery_day": day,
            "strategy": "storage",
            "role": "champion",
            "scope": "desk",
            "detail": detail,
        }
        what = {
            "kind": "breach",
            "limit_name": "mw",
            "value": 2.0,
            "limit_value": 1.0,
            "action": "block",
            "as_of_utc": datetime(2024, 5, 31, tzinfo=UTC),
        }
        return pl.DataFrame([who | what], schema=contract.schema)

    def test_upsert_replaces_its_key_and_leaves_the_rest_of_the_month(self, lake: Lake) -> None:
        lake.upsert(
            "risk_events",
            pl.concat([self.row("a"), self.row("b", day=date(2024, 6, 20)), self.row("c", zone="FR")]),
        )
        lake.upsert("risk_events", pl.concat([self.row("a", "y"), self.row("d", day=date(2024, 7, 1))]))
        assert dict(lake.read("risk_events").select("event_id", "detail").iter_rows()) == {
            "a": "y",
            "b": "x",
            "c": "x",
            "d": "x",
        }
        version = lake.version("risk_events")
        assert lake.upsert("risk_events", self.row("a", "y")) == WriteReport(0, 1, 0, version)

    def test_upsert_of_a_group_leaves_nothing_of_an_older_one(self, lake: Lake) -> None:
        lake.upsert("risk_events", pl.concat([self.row("a"), self.row("b"), self.row("c", zone="FR")]))
        lake.upsert("risk_events", self.row("a"), by=("zone",))
        assert lake.read("risk_events")["event_id"].sort().to_list() == ["a", "c"]
        version = lake.version("risk_events")
        assert lake.upsert("risk_events", self.row("a"), by=("zone",)) == WriteReport(0, 1, 0, version)

    def test_append_only_adds_once_and_refuses_a_change(self, lake: Lake) -> None:
        assert lake.append_only("risk_events", self.row()).n_new == 1
        assert lake.append_only("risk_events", pl.concat([self.row(), self.row("b")])).n_new == 1
        with pytest.raises(ContractError, match="never change"):
            lake.append_only("risk_events", self.row("a", "y"))
        assert lake.read("risk_events")["detail"].to_list() == ["x", "x"]

    def test_empty_frames_write_nothing(self, lake: Lake) -> None:
        assert lake.upsert("risk_events", self.row().clear()).version == -1
        assert lake.append_only("risk_events", self.row().clear()).version == -1


class TestChecksums:
    def files(self, lake: Lake) -> list[Path]:
        return sorted(Path(lake.uri, "day_ahead_prices").glob("zone=*/**/*.parquet"))

    def test_a_sound_lake(self, lake: Lake) -> None:
        lake.append("day_ahead_prices", prices(n_days=40), source="files")
        (verification,) = lake.verify()
        assert (verification.n_files, verification.n_unrecorded, verification.is_sound) == (2, 0, True)

    def test_one_flipped_bit_is_found(self, lake: Lake) -> None:
        lake.append("day_ahead_prices", prices(n_days=40), source="files")
        path = self.files(lake)[0]
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 1
        path.write_bytes(content)
        (verification,) = lake.verify()
        assert not verification.is_sound
        assert [Path(name).name for name in verification.damaged] == [path.name]

    def test_a_lost_file_is_found(self, lake: Lake) -> None:
        lake.append("day_ahead_prices", prices(n_days=40), source="files")
        path = self.files(lake)[0]
        path.unlink()
        (verification,) = lake.verify()
        assert [Path(name).name for name in verification.lost] == [path.name]

    def test_files_without_checksum_are_counted_and_not_called_sound_by_mistake(self, lake: Lake) -> None:
        lake.append("day_ahead_prices", prices(), source="files")
        for path in Path(lake.uri, "day_ahead_prices", "_checksums").iterdir():
            path.unlink()
        (verification,) = lake.verify()
        assert (verification.n_files, verification.n_unrecorded) == (1, 1)

    def test_files_without_checksum_are_adopted(self, lake: Lake) -> None:
        lake.append("day_ahead_prices", prices(n_days=40), source="files")
        for path in Path(lake.uri, "day_ahead_prices", "_checksums").iterdir():
            path.unlink()
        assert [lake.adopt(), lake.adopt()] == [2 + 2, 0]  # data files and commits of the log
        assert next(iter(lake.verify())).n_unrecorded == 0

    def test_commits_of_many_files_are_recorded_too(self, lake: Lake) -> None:
        lake.append(
            "day_ahead_prices",
            pl.concat([prices(zone, n_days=200) for zone in ("DE_LU", "FR")]),
            source="files",
        )
        (verification,) = lake.verify()
        assert (verification.n_files, verification.n_unrecorded, verification.is_sound) == (14, 0, True)

    def test_a_damaged_partition_is_not_written_anew(self, lake: Lake) -> None:
        """Compaction and upserts would otherwise give the damage a checksum that fits it."""
        events = TestEvents()
        lake.upsert("risk_events", events.row("a"))
        path = next(Path(lake.uri, "risk_events").glob("zone=*/**/*.parquet"))
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 1
        path.write_bytes(content)
        with pytest.raises(ContractError, match="differ from their checksums"):
            lake.upsert("risk_events", events.row("b"))

    def test_crowded_partitions_become_one_file_and_older_versions_stay_readable(self, lake: Lake) -> None:
        events = TestEvents()
        for at in range(26):
            lake.append_only("risk_events", events.row(f"e{at}"))
        before, rows = lake.version("risk_events"), lake.read("risk_events")
        crowded = next(iter(lake.verify())).n_files
        assert crowded >= 24
        assert lake.compact() == 1
        after = next(iter(lake.verify()))
        assert (after.n_files, after.n_unrecorded, after.is_sound) == (1, 0, True)
        assert lake.read("risk_events").equals(rows)
        assert lake.read("risk_events", version=before).equals(rows)
        assert lake.compact() == 0

    def test_vacuum_spares_what_versions_still_name(self, lake: Lake) -> None:
        for price in (1.0, 2.0):
            lake.replace(
                "training_set", training_rows([DAY], price), zone="DE_LU", first_day=DAY, last_day=DAY
            )
        assert lake.vacuum(keep_days=7) == 0
        assert outcomes(lake) == {DAY: 2.0}
        with pytest.raises(ContractError, match="at least 7 days"):
            lake.vacuum(keep_days=0)
