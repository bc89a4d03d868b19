"""What prevented a position, in words and before everything else.

It is the limit, the state or the unusable forecast that removed an order.
"""

from collections.abc import Sequence

import numpy as np
import polars as pl

from spot.arrays import Floats
from spot.risk.limit_event import LimitEvent

_TAKES_AWAY = ("breach", "denied", "state")
_SHOWN = 3
"""Reasons shown per signal. A limits file that cannot be read denies in every kind; a signal names the first
ones, and `risk_events` has all.
"""


def stopping_words(events: Sequence[LimitEvent]) -> tuple[str, ...]:
    """One sentence per limit that made the whole day flat, in the order in which they were judged.

    None where no limit did. The same limit broken in several scopes with the same numbers is one sentence
    that names the scopes.
    """
    return _merged(
        [event for event in events if event.kind in _TAKES_AWAY and event.action in ("block", "halt")]
    )


def recorded_stopping_words(rows: pl.DataFrame) -> tuple[str, ...]:
    """The same for one decision's rows under the contract `risk_events`.

    None where the forecast was not ready, since no order reached the limits then.
    """
    if (rows["kind"] == "not_ready").any():
        return ()
    facts = rows.select("kind", "scope", "limit_name", "value", "limit_value", "action", "detail")
    return stopping_words([LimitEvent(**row) for row in facts.iter_rows(named=True)])


def unit_reasons(
    texts: Sequence[str], proposed: Floats, final: Floats, events: Sequence[LimitEvent]
) -> tuple[str, ...]:
    """(P,) the reason of each unit: first what blocked or cut its order, then the strategy's own `texts`.

    `proposed` and `final` are exposures (P,) before and after trading state and limits. On a blocked day
    every unit says so, also a unit in which the strategy wanted nothing.
    """
    blocked, cuts = stopping_words(events), _merged([event for event in events if event.kind in _TAKES_AWAY])
    return tuple(
        "; ".join([*_before(wanted, left, blocked, cuts), text or "no reason"])
        for text, wanted, left in zip(texts, proposed, final, strict=True)
    )


def _before(wanted: float, left: float, blocked: tuple[str, ...], cuts: tuple[str, ...]) -> list[str]:
    if blocked and left == 0:
        return [f"blocked by {words}" for words in blocked]
    if not np.isfinite(wanted) or abs(left) < abs(wanted):
        return [
            f"{'taken away' if left == 0 else f'cut from {abs(wanted):g} MW'} by {words}" for words in cuts
        ]
    return []


def _merged(events: Sequence[LimitEvent]) -> tuple[str, ...]:
    scopes: dict[tuple[bool, str], list[str]] = {}
    for event in events:
        # A detail begins with its scope. The rest is the same where one fact breaks the same limit of several
        # scopes.
        words = event.detail.removeprefix(f"{event.scope} ")
        scopes.setdefault((event.kind == "state", words), []).append(event.scope)
    sentences = [
        (
            words.replace("trading state is ", "the trading state ")
            if is_state
            else f"{words} ({', '.join(found)})"
        )
        for (is_state, words), found in scopes.items()
    ]
    n_more = len(sentences) - _SHOWN
    return (*sentences[:_SHOWN], *([f"{n_more} more limits, see risk_events"] if n_more > 0 else []))
