"""The lake keeps its promises: rows of partitions are replaced as a whole, events once, files are checked."""

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from resources.lake.lake import Lake, WriteReport
from spot.contracts.tables import find_contract
from spot.errors import ContractError
from spot.market.delivery import days_between
from tests.support.lake_rows import DAY, outcomes, prices, training_rows


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(uri=str(tmp_path / "lake"))


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
