"""Bad data is not drift: it is found, reported row by row, and never causes a retrain.

Bad are missing, frozen, rescaled, doubled and impossible values.

Input frames are wide: `delivery_day`, `delivery_start_utc` and one Float64 column per series. NannyML's data
quality calculators only count missing and out-of-range values per chunk. The desk needs the rows themselves,
before the gate, and without the ten seconds that importing NannyML takes. So these checks are plain polars.
"""

from dataclasses import dataclass
from typing import Any

import polars as pl

from spot.contracts.table import UTC_INSTANT
from spot.contracts.words import Status
from spot.monitoring.settings import DataQualitySettings

CHECK_SCHEMA: dict[str, Any] = {
    "series": pl.String,
    "check": pl.String,
    "n_rows": pl.Int64,
    "value": pl.Float64,
    "limit": pl.Float64,
    "status": pl.String,
    "reason": pl.String,
}
FAULTY_SCHEMA: dict[str, Any] = {
    "series": pl.String,
    "delivery_start_utc": UTC_INSTANT,
    "check": pl.String,
    "reason": pl.String,
}
_KEYS = ("delivery_day", "delivery_start_utc")


@dataclass(frozen=True, slots=True, kw_only=True)
class DataQualityVerdict:
    """Whether the newest values can be trusted."""

    status: Status
    reasons: tuple[str, ...]
    checks: pl.DataFrame
    """One row per series and check under `CHECK_SCHEMA`."""
    faulty: pl.DataFrame
    """The rows that belong in quarantine, under `FAULTY_SCHEMA`."""

    @property
    def suppresses_retraining(self) -> bool:
        """Whether a retrain would learn from bad data."""
        return self.status != "ok"


@dataclass(frozen=True, slots=True)
class _Finding:
    check: str
    rows: pl.DataFrame
    value: float
    limit: float
    reason: str
    is_blind: bool = False


def assess_data_quality(
    reference: pl.DataFrame, analysis: pl.DataFrame, settings: DataQualitySettings
) -> DataQualityVerdict:
    """Judge the newest values of every series of `analysis` against the earlier rows of `reference`.

    Both frames have the same columns. A series is `cannot_see` if it is new, all null in the reference, or
    has a reference shorter than `minimum_reference_days`.
    """
    if analysis.is_empty():
        empty = pl.DataFrame(schema=CHECK_SCHEMA)
        return DataQualityVerdict(
            status="cannot_see",
            reasons=("cannot see: no rows to judge",),
            checks=empty,
            faulty=pl.DataFrame(schema=FAULTY_SCHEMA),
        )
    names = [name for name in analysis.columns if name not in _KEYS]
    checks: list[dict[str, Any]] = []
    faulty = [pl.DataFrame(schema=FAULTY_SCHEMA)]
    for name in names:
        for finding in _judge_series(
            reference if name in reference.columns else None, analysis, name, settings
        ):
            row = _check_row(name, finding)
            checks.append(row)
            if row["status"] == "alert":
                texts = (
                    pl.lit(name).alias("series"),
                    "delivery_start_utc",
                    pl.lit(finding.check).alias("check"),
                    pl.lit(row["reason"]).alias("reason"),
                )
                faulty.append(finding.rows.select(texts))
    table = pl.DataFrame(checks, schema=CHECK_SCHEMA)
    bad = table.filter(pl.col("status") != "ok")
    status: Status = (
        "alert" if (table["status"] == "alert").any() else ("cannot_see" if bad.height or not names else "ok")
    )
    return DataQualityVerdict(
        status=status, reasons=tuple(bad["reason"].to_list()), checks=table, faulty=pl.concat(faulty)
    )


def without_faulty(frame: pl.DataFrame, faulty: pl.DataFrame) -> pl.DataFrame:
    """The wide frame with every quarantined value set to null, so that drift is judged on good values."""
    for name in faulty["series"].unique().to_list():
        if name in frame.columns:
            instants = faulty.filter(pl.col("series") == name)["delivery_start_utc"].unique().to_list()
            hidden = pl.when(pl.col("delivery_start_utc").is_in(instants)).then(None).otherwise(pl.col(name))
            frame = frame.with_columns(hidden.alias(name))
    return frame


def without_implausible_days(
    frame: pl.DataFrame, *, size_factor: float = 8.0, window_days: int = 91
) -> pl.DataFrame:
    """The wide frame without values of days that an earlier fault spoilt.

    Such a day has one value all day, or a size very different from that of the days around it. This is for
    powers only, and cheap enough for years of history. `assess_data_quality` judges the newest days row by
    row.
    """
    names = [name for name, dtype in frame.schema.items() if dtype.is_numeric() and not is_price(name)]
    if not names or frame.is_empty():
        return frame
    value = {name: pl.col(name).fill_nan(None) for name in names}
    daily = frame.group_by("delivery_day", maintain_order=True).agg(
        *(value[name].abs().quantile(0.9).alias(f"{name}|size") for name in names),
        *(
            ((value[name].n_unique() == 1) & (value[name].count() > 1) & (value[name].first() != 0)).alias(
                f"{name}|still"
            )
            for name in names
        ),
    )
    daily = daily.sort("delivery_day")
    size = {name: pl.col(f"{name}|size") for name in names}
    running = {name: pl.when(size[name] > 0).then(size[name]) for name in names}  # not before plants began
    usual, usual_running = (
        {name: each[name].rolling_median(window_days, min_samples=1, center=True) for name in names}
        for each in (size, running)
    )
    spoilt = [
        (
            pl.col(f"{name}|still")
            | (size[name] > usual_running[name] * size_factor)
            | (size[name] < usual[name] / size_factor**2)
        )
        .fill_null(value=False)
        .alias(f"{name}|spoilt")
        for name in names
    ]
    marked = frame.join(
        daily.select("delivery_day", *spoilt), on="delivery_day", how="left", maintain_order="left"
    )
    hidden = [
        pl.when(pl.col(f"{name}|spoilt")).then(None).otherwise(pl.col(name)).alias(name) for name in names
    ]
    return marked.with_columns(hidden).select(frame.columns)


def is_price(name: str) -> bool:
    """Whether a column or raw series holds prices, which may be zero or spike for good reasons."""
    return "price" in name or "spread" in name


def _check_row(name: str, finding: _Finding) -> dict[str, Any]:
    return {
        "series": name,
        "check": finding.check,
        "n_rows": finding.rows.height,
        "value": finding.value,
        "limit": finding.limit,
        "status": "cannot_see" if finding.is_blind else ("alert" if finding.reason else "ok"),
        "reason": f"{name}: {finding.reason}" if finding.reason else "",
    }


def _judge_series(
    reference: pl.DataFrame | None, analysis: pl.DataFrame, name: str, settings: DataQualitySettings
) -> list[_Finding]:
    value = pl.col(name).cast(pl.Float64).fill_nan(None).alias("value")
    new = analysis.select(*_KEYS, value).sort("delivery_start_utc")
    old = new.clear() if reference is None else reference.select(*_KEYS, value).sort("delivery_start_utc")
    findings = [_missing(new, settings), _doubled(new)]
    present = new.drop_nulls("value").unique("delivery_start_utc", keep="first", maintain_order=True)
    past = old.drop_nulls("value").unique("delivery_start_utc", keep="first", maintain_order=True)
    n_days = past["delivery_day"].n_unique()
    if n_days < settings.minimum_reference_days:
        text = f"cannot see: {n_days} days of reference, {settings.minimum_reference_days} needed"
        findings.append(
            _Finding(
                "reference",
                new.clear(),
                float(n_days),
                float(settings.minimum_reference_days),
                text,
                is_blind=True,
            )
        )
        return findings
    findings += [
        _frozen(past, present, settings),
        _rescaled(past, present, settings, is_price=is_price(name)),
    ]
    # A price may spike to the limits that its contract checks. Only powers have a range that means something.
    return findings if is_price(name) else [*findings, _impossible(past, present, settings)]


def _missing(new: pl.DataFrame, settings: DataQualitySettings) -> _Finding:
    gaps = new.filter(pl.col("value").is_null())
    share = gaps.height / new.height
    reason = f"{share:.0%} of the values are missing" if share > settings.maximum_missing_share else ""
    return _Finding("missing", gaps, share, settings.maximum_missing_share, reason)


def _doubled(new: pl.DataFrame) -> _Finding:
    rows = new.filter(pl.col("delivery_start_utc").is_duplicated())
    reason = f"{rows['delivery_start_utc'].n_unique()} periods given more than once" if rows.height else ""
    return _Finding("doubled", rows, float(rows.height), 0.0, reason)


def _runs(frame: pl.DataFrame) -> pl.DataFrame:
    """The frame with `hours`, the length of the run of equal values that each row belongs to.

    Zeros make no run, because solar is zero at night.
    """
    run = frame.with_columns(
        (pl.col("value") != pl.col("value").shift()).fill_null(value=True).cum_sum().alias("run")
    )
    step = frame["delivery_start_utc"].diff().median()
    hours = (
        pl.col("delivery_start_utc").max()
        - pl.col("delivery_start_utc").min()
        + (step if step is not None else pl.duration(hours=1))
    )
    span = hours.dt.total_minutes().over("run") / 60.0
    return run.with_columns(pl.when(pl.col("value") == 0).then(0.0).otherwise(span).alias("hours"))


def _frozen(past: pl.DataFrame, present: pl.DataFrame, settings: DataQualitySettings) -> _Finding:
    # A high quantile and not the maximum, so that an older fault in the reference does not hide a new one.
    usual = _runs(past).group_by("delivery_day").agg(pl.col("hours").max())["hours"].quantile(0.9)
    longest_before = float(usual or 0.0)
    limit = max(float(settings.frozen_hours), 1.5 * longest_before)
    if present.is_empty():
        return _Finding("frozen", present, 0.0, limit, "")
    runs = _runs(present)
    longest = float(runs["hours"].max() or 0.0)  # type: ignore[arg-type]
    rows = runs.filter(pl.col("hours") >= limit)
    reason = f"the same value for {longest:g} hours, limit {limit:g}" if rows.height else ""
    return _Finding("frozen", rows, longest, limit, reason)


def _rescaled(
    past: pl.DataFrame, present: pl.DataFrame, settings: DataQualitySettings, *, is_price: bool
) -> _Finding:
    """Days whose size is many times, or a small part of, that of ordinary reference days.

    Size is the 90 % quantile of the absolute value. A calm or dark day is small for good reasons, so the
    factor counts squared for small sizes. A price near zero is never too small.
    """
    size = pl.col("value").abs().quantile(0.9).alias("size")
    before = past.group_by("delivery_day").agg(size)["size"]
    running = before.filter(before > 0)  # plants that have only begun have no usual size yet
    largest = float(running.quantile(0.9) or 0.0) if running.len() >= settings.minimum_reference_days else 0.0
    smallest = float(before.quantile(0.1) or 0.0)
    days = present.group_by("delivery_day").agg(size)
    factor = settings.unit_factor
    floor = 0.0 if is_price else smallest / factor**2
    far = (pl.col("size") > largest * factor) | (pl.col("size") < floor)
    odd = days.filter(far) if largest > 0 else days.clear()
    worst = max((size / largest for size in days["size"]), default=1.0) if largest > 0 else 1.0
    rows = present.join(odd, on="delivery_day", how="semi")
    reason = (
        f"{odd.height} days are off the scale of the reference by more than {factor:g} times: unit change?"
        if odd.height
        else ""
    )
    return _Finding("unit", rows, float(worst), factor, reason)


def _impossible(past: pl.DataFrame, present: pl.DataFrame, settings: DataQualitySettings) -> _Finding:
    running = past.filter(pl.col("value") != 0)
    if running["delivery_day"].n_unique() < settings.minimum_reference_days:
        return _Finding("range", present.clear(), 0.0, 0.0, "")  # plants that have only begun have no range
    low, high = (float(past["value"].quantile(q) or 0.0) for q in (0.01, 0.99))
    margin = settings.range_margin * max(high - low, abs(high), abs(low), 1e-9)
    rows = present.filter((pl.col("value") < low - margin) | (pl.col("value") > high + margin))
    beyond = max((max(low - v, v - high) for v in rows["value"]), default=0.0)
    reason = f"{rows.height} values far outside {low:g} to {high:g}" if rows.height else ""
    return _Finding("range", rows, float(beyond), margin, reason)
