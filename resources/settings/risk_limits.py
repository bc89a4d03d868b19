"""Reads `conf/risk_limits.yaml`.

Any error gives a book that denies everything, and never an exception.
"""

from pathlib import Path

from resources.settings.yaml_file import read_yaml
from spot.errors import ConfigurationError
from spot.risk.limit_book import LimitBook, check_limit_names, parse_limit_book, unreadable_book


def read_limit_book(path: Path) -> LimitBook:
    """The limits in the file; a missing, unreadable or malformed file denies."""
    try:
        file = read_yaml(path)
        with file.naming_lines():
            check_limit_names(file.content)
    except ConfigurationError as error:
        return unreadable_book(str(error))
    return parse_limit_book(file.content)
