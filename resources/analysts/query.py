"""Queries on the analyst database, over a connection that can read that one file and nothing else.

A query has a limit of time, of memory and of the size of its answer, so that a cross join by mistake ends
with a sentence and takes nothing from the processes that trade.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
import polars as pl
import pyarrow as pa

from spot.errors import ConfigurationError

_CONFIGURATION: dict[str, str | bool | int | float | list[str]] = {"enable_external_access": "false"}
CONTENTS = """
SELECT t.table_name AS name, 'table' AS kind, c.n_rows, t.comment
FROM duckdb_tables() t LEFT JOIN contents c USING (table_name)
UNION ALL SELECT view_name, 'view', NULL, comment FROM duckdb_views() WHERE NOT internal
UNION ALL SELECT function_name || '(' || array_to_string(parameters, ', ') || ')', 'view as of', NULL, comment
FROM duckdb_functions()
    WHERE NOT internal AND function_type = 'table_macro'
ORDER BY kind DESC, name
"""
"""Everything in the database and its meaning. Views come first, since they answer most questions."""


TIME_LIMIT_SECONDS = 25.0
"""Longest query. Chosen by hand: a person waits for it, and the desk needs its cores."""
_MEMORY_LIMIT = "512MB"
"""Of DuckDB's own memory. With Python, its libraries and the answer a question stays below 1 GB."""
_ANSWER_BYTES = 128 * 2**20
"""Largest answer. Chosen by hand: with DuckDB's 512 MB and the libraries, a query stays below 1 GB."""
_BATCH_ROWS = 50_000
"""Rows that are fetched before the size is looked at again. Chosen by hand: a batch of 50 columns has 20 MB.
"""


def query_database(
    path: Path, sql: str, *, max_rows: int | None = None, seconds: float = TIME_LIMIT_SECONDS
) -> pl.DataFrame:
    """Answer SQL from the DuckDB file at `path`, read-only and without any file or network access.

    Instants are UTC. The question may take `seconds`, 512 MB of memory, and have an answer of 128 MiB.

    Raises:
        ConfigurationError: nothing is published there yet, the SQL is wrong or not allowed, or a limit is
            reached.
    """
    if not path.exists():
        of_demo = path.parent / "demo"
        hint = f"; to query that of the demo, add --home {of_demo}" if (of_demo / path.name).exists() else ""
        raise ConfigurationError(
            f"no analyst database at {path}: run `spotdesk demo`, `run`, `ingest` or `backfill` first{hint}"
        )
    try:
        with (
            duckdb.connect(str(path), read_only=True, config=_CONFIGURATION) as connection,
            _time_limit(connection, seconds),
        ):
            connection.execute(
                f"SET TimeZone = 'UTC'; SET memory_limit = '{_MEMORY_LIMIT}'; SET lock_configuration = true"
            )
            n_statements = len(connection.extract_statements(sql))
            if n_statements != 1:
                raise ConfigurationError(
                    f"one statement is answered at a time; this text has {n_statements}: ask for them one"
                    " after the other"
                )
            answer = connection.sql(sql)
            frame = pl.DataFrame() if answer is None else _frame(answer)
    except duckdb.InterruptException as error:
        raise ConfigurationError(
            f"the question took longer than {seconds:g} s and was stopped: narrow it by zone and day, or"
            " look for a join without a condition"
        ) from error
    except duckdb.OutOfMemoryException as error:
        raise ConfigurationError(
            f"the question needs more than {_MEMORY_LIMIT} of memory and was stopped: narrow it by zone and"
            " day, or look for a join without a condition"
        ) from error
    except pl.exceptions.ComputeError as error:
        raise ConfigurationError(
            "a column of the answer is of a type that cannot be shown: give a difference of instants as"
            " datediff('minute', a, b), or cast it with ::VARCHAR"
        ) from error
    except duckdb.Error as error:
        raise ConfigurationError(f"the SQL was not answered: {error}") from error
    return frame if max_rows is None else frame.head(max_rows)


@contextmanager
def _time_limit(connection: duckdb.DuckDBPyConnection, seconds: float) -> Iterator[None]:
    timer = threading.Timer(seconds, connection.interrupt)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _bounded_table(answer: duckdb.DuckDBPyRelation) -> pa.Table:
    """The whole answer, read in batches so that one that is too large is never in memory."""
    reader, batches, n_bytes = answer.to_arrow_reader(_BATCH_ROWS), [], 0
    for batch in _batches(reader):
        n_bytes += batch.nbytes
        if n_bytes > _ANSWER_BYTES:
            raise ConfigurationError(
                f"the answer is larger than {_ANSWER_BYTES // 2**20} MiB: add a LIMIT, aggregate, or choose"
                " fewer columns"
            )
        batches.append(batch)
    return pa.Table.from_batches(batches, schema=reader.schema)


def _batches(reader: pa.RecordBatchReader) -> Iterator[pa.RecordBatch]:
    """The batches; what DuckDB says through Arrow is raised as DuckDB's own error."""
    try:
        yield from reader
    except OSError as error:
        text = str(error)
        if "INTERRUPT" in text:
            raise duckdb.InterruptException(text) from error
        kind = duckdb.OutOfMemoryException if "Out of Memory" in text else duckdb.Error
        raise kind(text) from error


def _frame(answer: duckdb.DuckDBPyRelation) -> pl.DataFrame:
    """The rows; a name that comes a second time, as in `SELECT * FROM a JOIN b`, gets a number."""
    table = _bounded_table(answer)
    seen: dict[str, int] = {}
    names = []
    for name in table.column_names:
        seen[name] = seen.get(name, -1) + 1
        names.append(f"{name}_{seen[name]}" if seen[name] else name)
    return pl.DataFrame(table.rename_columns(names))
