"""Every table of the platform by its name.

The lake, the analyst database and the documentation read this list.
"""

from difflib import get_close_matches

from spot.contracts.feature_tables import FEATURE_TABLES
from spot.contracts.fill_tables import FILL_TABLES
from spot.contracts.forecast_tables import DAY_AHEAD_FORECASTS
from spot.contracts.live_tables import LIVE_TABLES
from spot.contracts.monitoring_tables import MONITORING_TABLES
from spot.contracts.override_tables import OVERRIDE_TABLES
from spot.contracts.quarantine_table import QUARANTINE
from spot.contracts.raw_tables import RAW_TABLES
from spot.contracts.signal_tables import SIGNAL_TABLES
from spot.contracts.spread_tables import SPREAD_TABLES
from spot.contracts.table import TableContract
from spot.errors import ConfigurationError

TABLES: dict[str, TableContract] = {
    contract.name: contract
    for contract in (
        *RAW_TABLES,
        *LIVE_TABLES,
        QUARANTINE,
        *FEATURE_TABLES,
        DAY_AHEAD_FORECASTS,
        *SIGNAL_TABLES,
        *OVERRIDE_TABLES,
        *FILL_TABLES,
        *MONITORING_TABLES,
        *SPREAD_TABLES,
    )
}

_LONGEST_NAME = 80
"""Characters of an unknown name that a message repeats."""


def find_contract(table: str) -> TableContract:
    """The contract of the table called `table`.

    Raises:
        ConfigurationError: no such table; the message lists those that exist.
    """
    try:
        return TABLES[table]
    except KeyError:
        near = get_close_matches(table, TABLES, n=1)
        hint = f"did you mean {near[0]}? " if near else ""
        raise ConfigurationError(
            f"unknown table {table[:_LONGEST_NAME]!r}: {hint}known are {', '.join(sorted(TABLES))}"
        ) from None
