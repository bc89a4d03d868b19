"""Reads `conf/risk_limits.yaml`.

Whatever goes wrong gives a book that denies everything, and never an exception.
"""

from pathlib import Path

import yaml

from spot.risk.limit_book import LimitBook, parse_limit_book, unreadable_book


def read_limit_book(path: Path) -> LimitBook:
    """The limits in the file; a missing, unreadable or malformed file denies."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        return unreadable_book(f"the limits cannot be read: {error}")
    try:
        return parse_limit_book(yaml.load(text, Loader=_StrictLoader))  # noqa: S506 - a subclass of the safe loader
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        return unreadable_book(f"the limits are not valid YAML: {' '.join(str(error).split())}")


class _StrictLoader(yaml.CSafeLoader):
    """A safe loader that refuses a key given twice: of two limits nobody knows which one was meant."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[object, object]:
        keys = [key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode) and key.value != "<<"]
        if len(keys) != len(set(keys)):
            raise yaml.constructor.ConstructorError(None, None, "a key stands twice", node.start_mark)
        return super().construct_mapping(node, deep)
