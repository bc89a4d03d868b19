"""The life of a spread model.

Judged as stored, kept in the shadow, promoted on its ledger, killed at any point.

The ledger is made up: a challenger that is better, or no better, than the model that serves.
"""

from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from resources.lake.lake import Lake
from resources.models.version import SPREAD_FAMILY, ModelVersion
from resources.settings.zones import Desk, DeskSettings, ZoneSettings, make_desk
from resources.trading.alerts import Alerts
from spot.arrays import Floats
from spot.contracts.signal_tables import SETTLEMENTS
from spot.contracts.spread_tables import (
    SPREAD_FORECASTS,
    SPREAD_QUANTILE_COLUMNS,
    SPREAD_SHADOW_SETTLEMENTS,
)
from spot.lifecycle.sanity import SanityCheck, SanityVerdict
from spot.market.delivery import days_between
from spot.simulation.market import simulate
from workflows.lifecycle import promotion
from workflows.lifecycle.evaluation import Evaluation
from workflows.lifecycle.families import SPREAD
from workflows.lifecycle.promotion import review_zone
from workflows.lifecycle.spread_evidence import spread_shadow_record

ZONE, FIRST, AGAINST = "FR", date(2025, 6, 1), "intraday_vwap"
DAYS = days_between(FIRST, FIRST + timedelta(days=59))
LINEAGE = f"simulated against {AGAINST}"
PAST = 5.0 + np.random.default_rng(2).normal(0.0, 0.1, 14)
LEVELS = np.array(list(SPREAD_QUANTILE_COLUMNS))
NOISE = np.random.default_rng(7).normal(0.0, 1.0, len(DAYS))


class KilledError(BaseException):
    """Stands for SIGKILL between two writes; nothing catches it."""


@dataclass
class Spreads:
    """A registry of the family in memory; version 1 serves."""

    known: dict[str, ModelVersion] = field(default_factory=dict)
    dies: bool = False

    def versions(self, zone: str) -> list[ModelVersion]:
        return list(self.known.values())

    def champion(self, zone: str) -> ModelVersion | None:
        return next((v for v in self.known.values() if v.stage == "champion"), None)

    def champion_before(self, zone: str, one: ModelVersion) -> ModelVersion | None:
        return next((v for v in self.known.values() if v.stage == "champion" and v != one), None)

    def promote(self, zone: str, number: str, *, serves_from: date) -> None:
        self._die()
        self.known[number] = replace(self.known[number], stage="champion", serves_from=serves_from)

    def set_stage(self, zone: str, number: str, stage: str) -> None:
        self._die()
        self.known[number] = replace(self.known[number], stage=stage)  # type: ignore[arg-type]

    def _die(self) -> None:
        if self.dies:
            raise KilledError

    def add(
        self, number: str, stage: str, *, losses: Floats | None = None, rival: Floats | None = None
    ) -> None:
        sane = SanityVerdict((SanityCheck("files", passed=True, detail=""),))
        evaluation = Evaluation(
            days=DAYS[:14],
            candidate=PAST - 0.5 if losses is None else losses,
            champion=rival,
            naive=PAST,
            champion_version=None if rival is None else "1",
            sanity=sane,
        )
        self.known[number] = ModelVersion(
            zone=ZONE,
            name=f"{SPREAD_FAMILY}.{ZONE}",
            version=number,
            stage=stage,  # type: ignore[arg-type]
            fingerprint=number,
            lineage=LINEAGE,
            trained_from=FIRST,
            trained_through=FIRST - timedelta(days=1),
            serves_from=FIRST,
            settings={},
            metrics={},
            tags={"data_version": f"spread:{number}", "evaluation": evaluation.to_json()},
            checksums={},
            run_id=number,
            created_at_utc=datetime(2025, 6, 1, tzinfo=UTC),
        )


@pytest.fixture(scope="module")
def raw() -> dict[str, pl.DataFrame]:
    return dict(simulate(ZONE, DAYS[0], DAYS[-1], seed=5).tables)


@pytest.fixture
def lake(tmp_path: Path, raw: dict[str, pl.DataFrame]) -> Lake:
    made = Lake(uri=str(tmp_path / "lake"))
    for table in ("day_ahead_prices", "intraday_prices"):
        made.append(table, raw[table], source="simulated")
    return made


def desk_of(tmp_path: Path, sign_off: str = "") -> Desk:
    conf = tmp_path / "conf"
    (conf / "strategies").mkdir(parents=True, exist_ok=True)
    (conf / "promotion.yaml").write_text(f"sign_off_zones: [{sign_off}]\n")
    strategy = f"strategy: settlement_spread\nsettled_against: {AGAINST}\ndistribution: catboost\n"
    (conf / "strategies" / "settlement_spread.yaml").write_text(strategy)
    return make_desk(conf, DeskSettings(zones={ZONE: ZoneSettings(strategies=("settlement_spread",))}))


def spreads_of(raw: dict[str, pl.DataFrame], day: date) -> pl.DataFrame:
    """The units of a day and the spread that followed."""
    vwap = raw["intraday_prices"].filter(pl.col("series") == "vwap", pl.col("delivery_day") == day)
    second = vwap.group_by(pl.col("delivery_start_utc").dt.truncate("1h")).agg(
        pl.col("price_eur_per_mwh").mean()
    )
    first = raw["day_ahead_prices"].filter(pl.col("delivery_day") == day)
    return first.join(second, on="delivery_start_utc", suffix="_second").select(
        "delivery_start_utc",
        spread=pl.col("price_eur_per_mwh_second") - pl.col("price_eur_per_mwh"),
    )


def write_ledger(
    lake: Lake, raw: dict[str, pl.DataFrame], *, off: float, champion_off: float, gain: float
) -> None:
    """Sixty days on which both miss the spread by so much, and the challenger earns `gain` more a day."""
    forecasts, shadow, money = [], [], []
    for number, day in enumerate(DAYS):
        units = spreads_of(raw, day)
        for role, version, miss in (("challenger", "2", off), ("champion", "1", champion_off)):
            said = units["spread"].to_numpy()[:, None] + miss + 0.2 * NOISE[number] + LEVELS[None, :] - 0.5
            forecasts.append(
                pl.DataFrame(
                    {
                        "zone": ZONE, "delivery_day": day, "delivery_start_utc": units["delivery_start_utc"],
                        "resolution_minutes": 60, "strategy": "settlement_spread", "role": role,
                        "model_version": version, "settled_against": AGAINST,
                        **dict(zip(SPREAD_QUANTILE_COLUMNS.values(), said.T, strict=True)),
                        "as_of_utc": datetime(2025, 6, 1, tzinfo=UTC),
                    }
                ).select(pl.col(n).cast(c.dtype) for n, c in SPREAD_FORECASTS.columns.items())
            )  # fmt: skip
        at = datetime.combine(day, datetime.min.time(), tzinfo=UTC)
        paid = {
            "signal_id": f"{number}", "zone": ZONE, "delivery_day": day, "delivery_start_utc": at,
            "resolution_minutes": 60, "strategy": "settlement_spread", "model_version": "9", "side": "buy",
            "volume_mw": 1.0, "exposure_mw": 1.0, "filled_mwh": 1.0, "unfilled_mwh": 0.0,
            "settled_against": AGAINST, "day_ahead_price_eur_per_mwh": 1.0,
            "reference_price_eur_per_mwh": 1.0,
            "gross_pnl_eur": 0.0, "fees_eur": 0.0, "slippage_eur": 0.0, "imbalance_cost_eur": 0.0,
            "degradation_eur": 0.0, "perfect_foresight_eur": 1.0, "currency": "EUR", "mode": "paper",
            "source": "simulated", "known_at_utc": at + timedelta(days=1),
        }  # fmt: skip
        usual = 50.0 + 20.0 * NOISE[number]
        money.append({**paid, "role": "champion", "pnl_eur": usual})
        mine = usual + gain + 5.0 * NOISE[-number]
        shadow.append({**paid, "role": "challenger", "pnl_eur": mine, "strategy_model_version": "2"})
    lake.upsert("spread_forecasts", pl.concat(forecasts))
    lake.upsert("settlements", pl.DataFrame(money, schema=SETTLEMENTS.schema))
    lake.upsert("spread_shadow_settlements", pl.DataFrame(shadow, schema=SPREAD_SHADOW_SETTLEMENTS.schema))


def review(lake: Lake, desk: Desk, registry: Spreads, day: date) -> pl.DataFrame:
    now = datetime.combine(day, datetime.min.time(), tzinfo=UTC) + timedelta(hours=14)
    return review_zone(SPREAD, ZONE, lake, desk, registry, Alerts(lake=lake), now)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("losses", "rival", "stage", "action"),
    [
        (PAST - 0.5, None, "champion", "promote"),
        (PAST - 0.5, PAST[::-1] - 0.5, "challenger", "to_challenger"),
        (PAST + 0.2, PAST[::-1] - 0.5, "rejected", "reject"),
        (PAST * 1000.0, PAST[::-1], "rejected", "reject"),
    ],
)
def test_a_candidate_that_was_killed_over_is_judged_the_same_and_recorded_once(
    lake: Lake, tmp_path: Path, losses: Floats, rival: Floats | None, stage: str, action: str
) -> None:
    registry, desk = Spreads(dies=True), desk_of(tmp_path)
    registry.add("2", "candidate", losses=losses, rival=rival)
    with pytest.raises(KilledError):
        review(lake, desk, registry, DAYS[20])
    assert registry.known["2"].stage == "candidate", "the record comes first, then the registry"
    registry.dies = False
    review(lake, desk, registry, DAYS[21])
    assert registry.known["2"].stage == stage
    (row,) = lake.read("promotion_decisions").to_dicts()
    assert (row["action"], row["model"]) == (action, f"{SPREAD_FAMILY}.{ZONE}")
    assert (row["n_days"], row["candidate_data_version"]) == (14, "spread:2")


def test_a_better_challenger_serves_after_a_fixed_number_of_days_from_the_first_undecided_day(
    lake: Lake, tmp_path: Path, raw: dict[str, pl.DataFrame]
) -> None:
    write_ledger(lake, raw, off=1.0, champion_off=6.0, gain=20.0)
    registry, desk = Spreads(), desk_of(tmp_path)
    registry.add("1", "champion")
    registry.add("2", "challenger")
    assert review(lake, desk, registry, DAYS[13]).is_empty(), "13 days are known"
    assert registry.known["2"].stage == "challenger"
    (row,) = review(lake, desk, registry, DAYS[20]).to_dicts()
    assert (row["action"], row["n_days"], row["champion_version"]) == ("promote", 14, "1")
    assert row["first_day"] == FIRST
    assert row["error_p_value"] < 0.05 / 4
    assert row["pnl_difference_eur"] > 0
    promoted = registry.known["2"]
    assert promoted.stage == "champion"
    assert promoted.serves_from == DAYS[-1] + timedelta(days=1), "every day of the ledger was decided by 1"


def test_one_that_earns_less_is_not_promoted_however_well_it_forecasts(
    lake: Lake, tmp_path: Path, raw: dict[str, pl.DataFrame]
) -> None:
    write_ledger(lake, raw, off=1.0, champion_off=6.0, gain=-40.0)
    registry, desk = Spreads(), desk_of(tmp_path)
    registry.add("1", "champion")
    registry.add("2", "challenger")
    assert review(lake, desk, registry, DAYS[30]).is_empty()
    (row,) = review(lake, desk, registry, DAYS[-1]).to_dicts()
    assert (row["action"], registry.known["2"].stage) == ("expire", "expired")
    assert "no significant gain within 56 days" in row["reasons"]


def test_a_worse_one_is_rejected_at_the_first_look(
    lake: Lake, tmp_path: Path, raw: dict[str, pl.DataFrame]
) -> None:
    write_ledger(lake, raw, off=6.0, champion_off=1.0, gain=0.0)
    registry, desk = Spreads(), desk_of(tmp_path)
    registry.add("1", "champion")
    registry.add("2", "challenger")
    (row,) = review(lake, desk, registry, DAYS[40]).to_dicts()
    assert (row["action"], row["n_days"], registry.known["2"].stage) == ("reject", 14, "rejected")


def test_where_a_second_person_signs_a_winner_waits_and_the_alert_says_how(
    lake: Lake, tmp_path: Path, raw: dict[str, pl.DataFrame]
) -> None:
    write_ledger(lake, raw, off=1.0, champion_off=6.0, gain=20.0)
    registry, desk = Spreads(), desk_of(tmp_path, sign_off=ZONE)
    registry.add("1", "champion")
    registry.add("2", "challenger")
    for day in DAYS[20:23]:
        review(lake, desk, registry, day)
    assert registry.known["2"].stage == "challenger"
    (row,) = lake.read("promotion_decisions").to_dicts()
    assert (row["action"], row["last_day"]) == ("await_sign_off", DAYS[13])
    (alert,) = lake.read("alerts").filter(pl.col("kind") == "sign_off_awaited").to_dicts()
    assert f"spotdesk promote --model spread --zone {ZONE} --version 2" in alert["message"]


def test_an_unread_ledger_decides_nothing(lake: Lake, tmp_path: Path) -> None:
    registry, desk = Spreads(), desk_of(tmp_path)
    registry.add("1", "champion")
    registry.add("2", "challenger")
    assert review(lake, desk, registry, DAYS[-1]).is_empty()
    record = spread_shadow_record(ZONE, "2", lake, desk, datetime(2025, 9, 1, tzinfo=UTC))
    assert (record.days, record.decided_through) == ((), None)
    assert promotion.MAX_CHALLENGERS == 3
