"""A Merkle tree over rows (as in RFC 6962): one hash for all, and a short proof for each."""

import hashlib
from collections.abc import Sequence

Path = list[tuple[str, str]]
"""From a leaf to the root: `left` or `right`, and the hash that stands on this side."""


def leaf_of(row: bytes) -> str:
    """The hash of one row."""
    return hashlib.sha256(b"\x00" + row).hexdigest()


def root_of(leaves: Sequence[str]) -> str:
    """The hash over all leaves, in their order; of no leaf that of nothing."""
    level = list(leaves) or [hashlib.sha256(b"").hexdigest()]
    while len(level) > 1:
        level = _above(level)
    return level[0]


def path_to(leaves: Sequence[str], place: int) -> Path:
    """What proves that the leaf at `place` is below the root."""
    level, path = list(leaves), []
    while len(level) > 1:
        other = place ^ 1
        if other < len(level):
            path.append(("left" if other < place else "right", level[other]))
        level, place = _above(level), place // 2
    return path


def climbed(leaf: str, path: Path) -> str:
    """The root that a leaf and its path lead to.

    Raises:
        ValueError: a hash is no hex number, or a side is neither left nor right.
    """
    for side, other in path:
        if side not in ("left", "right"):
            raise ValueError(f"{side!r} is no side")
        leaf = _node(other, leaf) if side == "left" else _node(leaf, other)
    return leaf


def _above(level: Sequence[str]) -> list[str]:
    """The level above; a last node without a neighbour climbs as it is."""
    pairs = [_node(one, other) for one, other in zip(level[::2], level[1::2], strict=False)]
    return [*pairs, level[-1]] if len(level) % 2 else pairs


def _node(left: str, right: str) -> str:
    return hashlib.sha256(b"\x01" + bytes.fromhex(left) + bytes.fromhex(right)).hexdigest()
