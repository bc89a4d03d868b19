"""An exchange for tests: it clears the desk's message at given prices and answers with a report of fills."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

Fill = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class StandInExchange:
    """It executes every order in reach of the price, of exclusive groups the best block."""

    prices: Mapping[datetime, float]
    """EUR/MWh by delivery start."""
    rejected_groups: frozenset[int] = field(default_factory=frozenset)

    def report(
        self, body: bytes, reported_at: datetime, change: Callable[[list[Fill]], list[Fill]] = lambda one: one
    ) -> bytes:
        """The report on a message of the outbox; `change` makes it wrong."""
        message = json.loads(body)
        minutes = {_start(row): row["resolution_minutes"] for row in message["signals"]}
        fills = (
            self._of_groups(message["block_groups"], minutes)
            if message["block_groups"]
            else [self._of_order(row) for row in message["signals"] if row["side"] != "flat"]
        )
        told = {
            "schema": 1,
            "zone": message["zone"],
            "strategy": message["strategy"],
            "publication_id": message["publication_id"],
            "reported_at": reported_at.isoformat(),
            "fills": change(fills),
        }
        return json.dumps(told).encode()

    def _of_order(self, row: Mapping[str, Any]) -> Fill:
        start, is_buy = _start(row), row["side"] == "buy"
        price = self.prices[start]
        steps = row["bid_curve"] or [[row["limit_price_eur_per_mwh"], row["volume_mw"]]]
        reached = [mw for limit, mw in steps if (limit >= price if is_buy else limit <= price)]
        return self._fill(start, row["resolution_minutes"], row["side"], max(reached, default=0.0))

    def _of_groups(self, groups: list[Any], minutes: Mapping[datetime, int]) -> list[Fill]:
        fills = []
        for group in groups:
            sign = 1.0 if group["side"] == "buy" else -1.0
            best = min(
                group["blocks"],
                key=lambda block, sign=sign: sum(  # type: ignore[misc]
                    sign * unit["volume_mw"] * self.prices[_start(unit)] for unit in block["units"]
                ),
            )
            is_rejected = group["group"] in self.rejected_groups
            fills += [
                {
                    **self._fill(_start(unit), minutes[_start(unit)], group["side"], unit["volume_mw"]),
                    **(
                        {"status": "rejected", "volume_mw": 0.0, "detail": "paradoxical"}
                        if is_rejected
                        else {}
                    ),
                }
                for unit in best["units"]
            ]
        return fills

    def _fill(self, start: datetime, minutes: int, side: str, volume: float) -> Fill:
        return {
            "market": "auction",
            "delivery_start": start.isoformat(),
            "resolution_minutes": minutes,
            "side": side,
            "volume_mw": volume,
            "price_eur_per_mwh": self.prices[start],
            "reference": f"A{start:%d%H%M}{side}",
        }


def _start(row: Mapping[str, Any]) -> datetime:
    return datetime.fromisoformat(row["delivery_start_utc"])
