"""Views and table macros of the analyst database, named as people ask.

SQL and its comments, no logic.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class AnalystView:
    """A view, or a table macro where `arguments` are given."""

    name: str
    sql: str
    comment: str
    arguments: str = ""
    tables: tuple[str, ...] = ()
    """Tables whose columns it shows under their own names: their comments hold."""
    columns: Mapping[str, str] = field(default_factory=dict)
    """Column to its meaning, where the view makes it."""
    version: int = 1
    """Grows when a column of the view goes or changes its meaning; a new column changes nothing."""
    deprecated: str = ""
    """What to use instead, and until which version of Spotdesk the view stays; empty for views that stay."""

    @property
    def words(self) -> str:
        """The comment, with the version of the view and what replaces it."""
        note = f" Deprecated: {self.deprecated}." if self.deprecated else ""
        return f"{self.comment} Version {self.version} of the view.{note}"


_PERIOD = "zone, series, delivery_start_utc, source"
_NEWEST = f"QUALIFY row_number() OVER (PARTITION BY {_PERIOD} ORDER BY available_at_utc DESC) = 1"


_PRICE_COLUMNS = (
    "delivery_day, delivery_start_utc, resolution_minutes, price_eur_per_mwh, available_at_utc, source"
)


def _prices(condition: str) -> str:
    markets = (
        ("day_ahead_prices", "'day_ahead'"),
        ("intraday_prices", "'intraday_' || series"),
        ("imbalance_prices", "'imbalance'"),
    )
    parts = [
        f"(SELECT zone, {market} AS market, {_PRICE_COLUMNS} FROM {table} {condition} {_NEWEST})"  # noqa: S608
        for table, market in markets
    ]
    return " UNION ALL ".join(parts)


_FORECASTS_AS_OF = """
SELECT * FROM day_ahead_forecasts WHERE as_of_utc <= instant
QUALIFY row_number() OVER (
    PARTITION BY zone, delivery_start_utc, role ORDER BY as_of_utc DESC, model_version DESC
) = 1
"""

_MONEY = {
    "gross_pnl_eur": "P&L before costs, summed [EUR]",
    "costs_eur": "fees, slippage, imbalance costs and wear, summed [EUR]",
    "pnl_eur": "P&L after costs, summed [EUR]",
    "perfect_foresight_eur": "what the strategy would have earned with the true prices, summed [EUR]",
    "filled_mwh": "energy that the auction filled, summed [MWh]",
}
"""Meaning of the sums over settlements."""

VIEWS: tuple[AnalystView, ...] = (
    AnalystView(
        name="prices",
        sql=_prices(""),
        tables=("day_ahead_prices",),
        columns={"market": "day_ahead, imbalance, or intraday_ with the name of the index or auction"},
        comment=(
            "Newest vintage of every price of every market and source: day_ahead, intraday_vwap,"
            " intraday_ida1 and so on, imbalance."
        ),
    ),
    AnalystView(
        name="prices_as_of",
        arguments="instant",
        sql=_prices("WHERE available_at_utc <= instant"),
        comment=(
            "Prices as they were known at an instant: SELECT * FROM prices_as_of(TIMESTAMPTZ '2025-06-01"
            " 10:00:00+00')."
        ),
    ),
    AnalystView(
        name="forecasts_as_of",
        arguments="instant",
        sql=_FORECASTS_AS_OF,
        comment=(
            "The newest forecast of each period that existed at an instant: SELECT * FROM"
            " forecasts_as_of(now())."
        ),
    ),
    AnalystView(
        name="forecasts",
        sql="""
SELECT f.zone, f.delivery_day, f.delivery_start_utc, f.resolution_minutes, f.role, f.model_name,
    f.model_version, f.as_of_utc, f.source, f.price_q100_eur_per_mwh, f.price_q500_eur_per_mwh,
    f.price_q900_eur_per_mwh, f.price_point_eur_per_mwh, p.price_eur_per_mwh,
    f.price_point_eur_per_mwh - p.price_eur_per_mwh AS error_eur_per_mwh,
    abs(f.price_point_eur_per_mwh - p.price_eur_per_mwh) AS absolute_error_eur_per_mwh,
    p.price_eur_per_mwh BETWEEN f.price_q100_eur_per_mwh AND f.price_q900_eur_per_mwh AS is_inside_80
FROM day_ahead_forecasts f
LEFT JOIN prices p ON p.zone = f.zone AND p.delivery_start_utc = f.delivery_start_utc
    AND p.market = 'day_ahead' AND p.resolution_minutes = f.resolution_minutes
    AND contains(f.source, p.source)
QUALIFY row_number() OVER (
    PARTITION BY f.zone, f.delivery_start_utc, f.role, f.model_version, f.source
    ORDER BY p.available_at_utc DESC
) = 1
""",
        tables=("day_ahead_forecasts",),
        columns={
            "price_eur_per_mwh": "price of the auction, from the same source; null until known [EUR/MWh]",
            "error_eur_per_mwh": "point forecast minus price [EUR/MWh]",
            "absolute_error_eur_per_mwh": "absolute value of the error [EUR/MWh]",
            "is_inside_80": "whether the price lies in the 80 % interval; null until known",
        },
        comment=(
            "Every forecast with its 80 % interval beside the price that the auction gave, of its own source;"
            " null while that is not known."
        ),
    ),
    AnalystView(
        name="pnl",
        sql="""
SELECT zone, delivery_day, strategy, role, mode, currency, sum(gross_pnl_eur) AS gross_pnl_eur,
    sum(fees_eur + slippage_eur + imbalance_cost_eur + degradation_eur) AS costs_eur, sum(pnl_eur) AS pnl_eur,
    sum(perfect_foresight_eur) AS perfect_foresight_eur, sum(filled_mwh) AS filled_mwh
FROM settlements GROUP BY ALL
""",
        tables=("settlements",),
        columns=_MONEY,
        comment=(
            "Money by zone, day, strategy and role: gross, costs, net, and what perfect foresight would have"
            " made."
        ),
    ),
    AnalystView(
        name="pnl_attribution",
        sql="""
SELECT zone, strategy, role, mode, model_version,
    CASE WHEN exposure_mw > 0 THEN 'long' WHEN exposure_mw < 0 THEN 'short' ELSE 'none' END AS direction,
    date_trunc('month', delivery_day)::DATE AS month,
    extract('hour' FROM timezone('UTC', delivery_start_utc)) AS hour_utc,
    sum(filled_mwh) AS filled_mwh, sum(gross_pnl_eur) AS gross_pnl_eur,
    sum(fees_eur + slippage_eur + imbalance_cost_eur + degradation_eur) AS costs_eur, sum(pnl_eur) AS pnl_eur
FROM settlements GROUP BY ALL
""",
        tables=("settlements",),
        columns={
            **_MONEY,
            "direction": "long, short or none: the sign of the exposure",
            "month": "first day of the month of delivery",
            "hour_utc": "hour of the delivery's start, 0 to 23 [UTC]",
        },
        comment="Where the money came from: direction, hour (UTC), month, zone, strategy and model version.",
    ),
    AnalystView(
        name="drift",
        sql=(
            "SELECT * FROM feature_drift QUALIFY row_number() OVER (PARTITION BY zone, feature, method ORDER"
            " BY delivery_day DESC) = 1"
        ),
        tables=("feature_drift",),
        comment="The newest verdict on each feature of each zone; the history is in feature_drift.",
    ),
    AnalystView(
        name="champions",
        sql="SELECT * FROM model_versions WHERE stage = 'champion'",
        tables=("model_versions",),
        comment=(
            "The version that serves, per zone and model: of the price, and of the spread where a strategy"
            " trades it."
        ),
    ),
    AnalystView(
        name="open_signals",
        sql="SELECT * FROM signals WHERE side <> 'flat' AND role = 'champion' AND valid_until_utc > now()",
        tables=("signals",),
        comment="Signals of the champion that still hold. After valid_until_utc a signal is void.",
    ),
)
