"""Where the stop button's files lie, as a resource.

`resources/trading/state.py` reads and writes them without Dagster.
"""

from pathlib import Path

from resources.fixed_resource import FixedResource
from resources.trading.state import TradingStateStore


class StateFolder(FixedResource):
    """Folder of the trading state. A folder that is missing or unreadable is a halted desk."""

    path: str

    def set_up(self) -> None:
        """Create the folder once, when a desk is set up; an existing one is left as it is."""
        TradingStateStore(Path(self.path)).set_up()
