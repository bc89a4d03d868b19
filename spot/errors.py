"""The error tree.

::

    SpotdeskError
    |-- ConfigurationError        a setting is missing, unreadable or contradicts another
    |-- ContractError             rows or arrays that break their contract: stop
    |   `-- LookAheadError        a value would be used before it was published: always a stop
    |-- NotYetPublishedError      the data is not due yet: skip and ask again
    |-- SourceUnavailableError    a provider does not answer: retry, then alert
    |-- ForecastError             a model cannot give an honest forecast from these inputs
    |-- ModelError
    |   |-- ModelNotFoundError    no such version, or no champion
    |   `-- ModelIntegrityError   bytes do not match their checksum or format
    |-- UndeclaredAccessError     an asset reads or writes what it does not declare
    `-- TradingHaltedError        the desk or zone is halted, or its state cannot be read

Bad *data* is a verdict (a frozen dataclass), not an exception; an exception means that the work cannot go on.
"""


class SpotdeskError(Exception):
    """Root of all errors raised on purpose. The message says what, where and what to do."""


class ConfigurationError(SpotdeskError):
    """A setting is missing, unreadable or contradicts another."""


class ContractError(SpotdeskError):
    """Rows or arrays break their contract; the work stops."""


class LookAheadError(ContractError):
    """A value would be used before it was published."""


class NotYetPublishedError(SpotdeskError):
    """The data is not due yet: skip and ask again."""


class SourceUnavailableError(SpotdeskError):
    """A provider does not answer: retry, then alert."""


class ForecastError(SpotdeskError):
    """A model cannot give an honest forecast from these inputs."""


class ModelError(SpotdeskError):
    """Something is wrong with a stored model."""


class ModelNotFoundError(ModelError):
    """No such model version, or no champion."""


class ModelIntegrityError(ModelError):
    """A model's bytes do not match their checksum or format."""


class UndeclaredAccessError(SpotdeskError):
    """An asset reads or writes a table that it does not declare, so the lineage graph would not show it."""


class TradingHaltedError(SpotdeskError):
    """The desk or zone is halted, or its state cannot be read."""
