"""Intermediate and final documents of ENTSO-E in one answer (`docStatus`), as two vintages.

Source: ENTSO-E code list, StandardStatusTypeList: A01 intermediate, A02 final.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

import numpy as np

from spot.arrays import Ints
from spot.market.publication_rules import RULES, publication_rule
from spot.sources.parsed import Capture
from spot.sources.points import Points

INTERMEDIATE, FINAL = "A01", "A02"
_SECOND_US = 1_000_000
"""Microseconds."""


def status_vintages(by_status: Mapping[str, list[Points]], capture: Capture) -> list[Points]:
    """All points. Where an answer has both, the final ones are newer than the intermediate ones.

    The final values became known with this answer at the latest. The intermediate ones were known by the
    publication rule of their table, and a second before the answer where there is none.
    """
    early, late = by_status.get(INTERMEDIATE, []), by_status.get(FINAL, [])
    both = {(part.table, part.series) for part in early} & {(part.table, part.series) for part in late}
    if not both:
        return [part for parts in by_status.values() for part in parts]
    captured_us = int(capture.captured_at_utc.timestamp() * _SECOND_US)
    found = [
        part for status, parts in by_status.items() if status not in (INTERMEDIATE, FINAL) for part in parts
    ]
    for part in early:
        known = _by_rule_us(part, capture.zone, captured_us - _SECOND_US)
        is_both = (part.table, part.series) in both
        found.append(replace(part, available_us=known, availability="rule") if is_both else part)
    for part in late:
        known = np.full(len(part.starts_us), captured_us, dtype=np.int64)
        is_both = (part.table, part.series) in both
        found.append(replace(part, available_us=known, availability="captured") if is_both else part)
    return found


def _by_rule_us(part: Points, zone: str, at_most_us: int) -> Ints:
    """(N,) instants at which the values were known by the rule that counts from the end of their period."""
    if part.table not in RULES or publication_rule(part.table, zone).anchor != "period_end":
        return np.full(len(part.starts_us), at_most_us, dtype=np.int64)
    offset = publication_rule(part.table, zone).offset + timedelta(minutes=part.resolution_minutes)
    return np.minimum(part.starts_us + int(offset.total_seconds()) * _SECOND_US, at_most_us)
