"""Frames that a table accepts as a whole or not at all."""

import polars as pl

from resources.lake.delta_table import check_zone
from resources.plugins.strategies import STRATEGIES
from spot.contracts.table import TableContract, check_rows
from spot.errors import ContractError


def all_accepted(contract: TableContract, frame: pl.DataFrame) -> pl.DataFrame:
    """The rows under the contract.

    Raises:
        ContractError: a row breaks the contract, or names a zone or a strategy that does not exist.
    """
    checked = check_rows(frame, contract)
    if not checked.rejected.is_empty():
        reasons = checked.rejected["reason"].value_counts(sort=True).head(3).rows()
        raise ContractError(
            f"table {contract.name}: {checked.rejected.height} of {frame.height} rows break the contract:"
            f" {reasons}"
        )
    if "zone" in contract.columns:
        for zone in checked.accepted["zone"].unique():
            check_zone(contract, zone)
    for name, column in contract.columns.items():
        if column.registry == "strategies":
            _refuse_unknown_strategies(contract, checked.accepted[name])
    return checked.accepted


def _refuse_unknown_strategies(contract: TableContract, names: pl.Series) -> None:
    unknown = [name for name in names.unique().sort() if name not in STRATEGIES]
    if unknown:
        raise ContractError(
            f"table {contract.name}: no strategy is called {', '.join(unknown)}; `spotdesk strategies` lists"
            " them"
        )
