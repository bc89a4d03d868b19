"""A batch as JSON and CSV."""

import json
from datetime import date, datetime

import polars as pl

from spot.strategy.outbox.batch import Batch

SCHEMA = 3
"""Version of the JSON message. Fields are only ever added: 2 added `schema` and `books_head`, 3 added
`block_groups`.
"""


def json_payload(
    batch: Batch, *, sequence: int, desk_id: str = "", lease: int | None = None, books_head: str = ""
) -> bytes:
    """The batch as JSON, the same bytes for the same arguments; instants as ISO 8601.

    `lease` is the number of the desk's right to send, None on paper. A receiver refuses a number below one
    that it has seen. `books_head` pins the books of the desk as they were when the message left; a receiver
    that keeps it can prove later that nothing before was changed.
    """
    document = {
        "schema": SCHEMA,
        "books_head": books_head,
        "publication_id": batch.publication_id,
        "sequence": sequence,
        "desk_id": desk_id,
        "lease": lease,
        "replaces": "every earlier batch of this zone, delivery_day and strategy",
        "zone": batch.zone,
        "delivery_day": batch.delivery_day.isoformat(),
        "strategy": batch.strategy,
        "mode": batch.mode,
        "valid_until_utc": batch.valid_until_utc.isoformat(),
        "signals": [
            {
                **{key: _plain(value) for key, value in row.items()},
                "bid_curve": [list(step) for step in batch.curves.get(row["signal_id"], ())],
            }
            for row in batch.signals.to_dicts()
        ],
        "block_groups": _groups(batch.blocks),
    }
    return json.dumps(document, sort_keys=True, ensure_ascii=False, allow_nan=False).encode()


def csv_payload(batch: Batch, *, desk_id: str = "", lease: int | None = None) -> bytes:
    """The batch as CSV with a header.

    A curve is `price:MW` steps parted by spaces, the blocks of a unit are `group/block:MW@limit`.
    """
    curves = [
        " ".join(f"{price:g}:{mw:g}" for price, mw in batch.curves.get(signal, ()))
        for signal in batch.signals["signal_id"]
    ]
    blocks: dict[str, str] = {}
    names = ("signal_id", "block_group", "block", "volume_mw", "limit_price_eur_per_mwh")
    for signal, group, block, mw, limit in batch.blocks.select(names).iter_rows():
        blocks[signal] = f"{blocks.get(signal, '')} {group}/{block}:{mw:g}@{limit:.10g}".strip()
    frame = batch.signals.with_columns(
        bid_curve=pl.Series(curves, dtype=pl.String),
        blocks=pl.Series([blocks.get(signal, "") for signal in batch.signals["signal_id"]], dtype=pl.String),
        publication_id=pl.lit(batch.publication_id),
        desk_id=pl.lit(desk_id),
        lease=pl.lit(lease, dtype=pl.Int64),
    )
    return frame.write_csv(datetime_format="%Y-%m-%dT%H:%M:%SZ").encode()


def _plain(value: object) -> object:
    return value.isoformat() if isinstance(value, datetime | date) else value


def _groups(blocks: pl.DataFrame) -> list[dict[str, object]]:
    """The exclusive groups: of each, at most one of its blocks may be executed, as a whole."""
    return [
        {
            "group": number,
            "side": of_group["side"][0],
            "limit_price_eur_per_mwh": of_group["limit_price_eur_per_mwh"][0],
            "blocks": [
                {
                    "block": block,
                    "units": [
                        {"delivery_start_utc": start.isoformat(), "volume_mw": mw}
                        for start, mw in own.select("delivery_start_utc", "volume_mw").iter_rows()
                    ],
                }
                for (block,), own in of_group.group_by("block", maintain_order=True)
            ],
        }
        for (number,), of_group in blocks.group_by("block_group", maintain_order=True)
    ]
