"""`spotdesk doctor`, and a run whose source does not answer."""

import json
from datetime import date
from pathlib import Path

import pytest

from resources.lake.lake import Lake
from spot.errors import ConfigurationError, SourceUnavailableError
from tests.support.commands import call, must
from tests.support.made_up_rows import made_up
from tests.support.provider_server import faulty_provider, stays_silent


def test_doctor_says_what_a_fresh_desk_lacks(home: Path) -> None:
    must("init", "--zone", "NL", "--source", "energy_charts")
    done = call("doctor", "--offline", "--json")
    assert done.exit_code == 1
    found = {(row["zone"], row["subject"]): row["state"] for row in json.loads(done.stdout)}
    assert found["NL", "day_ahead_prices"] == "fail"
    assert found["NL", "champion"] == "fail"
    assert found["NL", "load_forecasts"] == "warn"
    assert found["desk", "risk limits"] == "ok"
    assert not any(subject.startswith("reach") for _, subject in found)


def test_doctor_reads_the_settings_that_the_next_run_needs(home: Path) -> None:
    must("init", "--zone", "NL", "--source", "energy_charts")

    def verdicts() -> dict[str, str]:
        return {
            row["subject"]: row["state"] for row in json.loads(call("doctor", "--offline", "--json").stdout)
        }

    asked = ("monitoring settings", "promotion settings", "model profile fast")
    found = verdicts()
    assert [found[subject] for subject in asked] == ["ok", "ok", "ok"]
    (home / "conf" / "monitoring.yaml").unlink()
    (home / "conf" / "promotion.yaml").write_text("nonsense: 1\n")
    (home / "conf" / "models" / "fast.yaml").unlink()
    found = verdicts()
    assert [found[subject] for subject in asked] == ["fail", "fail", "fail"]


def test_doctor_agrees_with_status_on_the_source_in_use_and_judges_only_what_is_delivered(home: Path) -> None:
    must("init", "--zone", "NL", "--source", "energy_charts")
    lake, day = Lake(uri=str(home / "home" / "lake")), date(2025, 10, 10)
    forecast = made_up(
        "day_ahead_forecasts", {"zone": "NL", "delivery_day": day, "source": "files", "role": "champion"}
    )
    lake.replace("day_ahead_forecasts", forecast, zone="NL", first_day=day, last_day=day)
    found = {
        row["subject"]: row
        for row in json.loads(call("doctor", "--offline", "--json").stdout)
        if row["zone"] == "NL"
    }
    (shown,) = json.loads(call("status", "--json").stdout)["zones"]
    assert shown["source"] == "files"
    assert found["source in use"]["state"] == "warn"
    assert "was made from files" in found["source in use"]["detail"]
    assert found["imbalance_prices"]["state"] == "ok", "no source of the zone has it: it cannot be late"
    assert "not published by energy_charts" in found["imbalance_prices"]["detail"]


def test_doctor_says_which_table_is_to_be_brought_as_a_file(home: Path) -> None:
    must("init", "--zone", "GB", "--source", "elexon", "--fallback", "files")
    found = {
        row["subject"]: row
        for row in json.loads(call("doctor", "--offline", "--json").stdout)
        if row["zone"] == "GB"
    }
    assert "spotdesk ingest FILE --zone GB" in found["day_ahead_prices"]["detail"]
    assert "spotdesk backfill --zone GB" in found["load_forecasts"]["detail"]


def test_doctor_waits_for_a_silent_host_once_and_names_it(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    must("init", "--zone", "NL", "--zone", "BE", "--source", "energy_charts")
    with faulty_provider() as server:
        server.plan = [stays_silent(30.0)]
        monkeypatch.setenv("SPOTDESK_PROVIDER_URLS", f"energy_charts={server.url}")
        monkeypatch.setattr("desk.setup.probe.READ_SECONDS", 0.5)
        done = call("doctor", "--json")
        assert len(server.asked) == 1
    reach = {
        row["zone"]: row["detail"] for row in json.loads(done.stdout) if row["subject"].startswith("reach")
    }
    assert done.exit_code == 1
    assert "ReadTimeout" in reach["NL"]
    assert "not asked again" in reach["BE"]


def test_run_says_at_once_that_a_live_source_does_not_answer(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SPOTDESK_PROVIDER_URLS", "energy_charts=http://127.0.0.1:9")
    days = ("--zone", "NL", "--from", "2025-01-01", "--to", "2025-01-02")
    with pytest.raises(SourceUnavailableError, match=r"no connection to 127.0.0.1"):
        raise call("run", "--source", "energy_charts", *days).exception  # type: ignore[misc]
    with pytest.raises(ConfigurationError, match="SPOTDESK_ENTSOE_TOKEN"):
        raise call("run", "--source", "entsoe", *days).exception  # type: ignore[misc]


def test_doctor_says_what_a_zone_cannot_be_traded_for(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("KEY", "USERNAME", "PASSWORD"):
        monkeypatch.delenv(f"SPOTDESK_ERCOT_{name}", raising=False)
    must(
        "init",
        "--zone",
        "GB",
        "--zone",
        "ERCOT_NORTH_HUB",
        "--source",
        "elexon",
        "--fallback",
        "ercot",
        "--force",
    )
    found = {
        (row["zone"], row["subject"]): row for row in json.loads(call("doctor", "--offline", "--json").stdout)
    }
    assert found["GB", "day_ahead_prices"]["state"] == "fail"
    assert "cannot be traded" in found["GB", "day_ahead_prices"]["detail"]
    assert "SPOTDESK_ERCOT_PASSWORD" in found["ERCOT_NORTH_HUB", "key of ercot"]["detail"]
    assert "real_time: 0 days" in found["ERCOT_NORTH_HUB", "strategy real_time_spread"]["detail"]
    assert found["ERCOT_NORTH_HUB", "strategy storage"]["state"] == "ok"
