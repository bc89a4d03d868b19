"""What a benchmark runs: the data, the model, and a name that changes with both."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from desk.benchmark.data import epf_file, read_epf_market, read_zone, with_neighbours, zones_in
from resources.settings.code_version import model_code_version
from spot.contracts.panel import DeliveryPanel
from spot.market.zones import find_zone

_READERS = Path(__file__).with_name("data.py")
"""The file, besides the code of the model, on which forecasts of the same data depend."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchmarkJob:
    """What to run. `source` is a folder of the open-access benchmark, or a file of zones."""

    source: str
    zone: str
    settings: dict[str, Any]
    first_test_day: str
    """ISO date, or empty for the last 728 days of the panel."""
    known_at_gate_only: bool = False
    has_neighbours: bool = False
    """Offer the prices and residual loads of the day before of those neighbours that the file holds."""
    refit_days: int = 0
    """Days between refits from scratch; 0 for one fit before the test."""
    checks_leaks: bool = False

    def key(self) -> str:
        """A name that changes with the code, the settings and the data."""
        digest = hashlib.sha256(
            json.dumps(
                [
                    self.zone,
                    self.settings,
                    self.first_test_day,
                    self.known_at_gate_only,
                    self.has_neighbours,
                    self.refit_days,
                ],
                sort_keys=True,
            ).encode()
        )
        digest.update(model_code_version(self.settings).encode())
        digest.update(_READERS.read_bytes())
        source = Path(self.source)
        data = epf_file(source, self.zone.removeprefix("EPF_")) if source.is_dir() else source
        digest.update(data.name.encode() + data.read_bytes())
        return f"{self.zone}-{self.settings['kind']}-{digest.hexdigest()[:16]}"

    def panel(self) -> DeliveryPanel:
        """The data of the job."""
        source = Path(self.source)
        if source.is_dir():
            return read_epf_market(source, self.zone.removeprefix("EPF_"))
        panel = read_zone(source, self.zone, known_at_gate_only=self.known_at_gate_only)
        if not self.has_neighbours:
            return panel
        beside = [name for name in find_zone(self.zone).neighbours if name in zones_in(source)]
        return with_neighbours(panel, {name: read_zone(source, name) for name in beside})
