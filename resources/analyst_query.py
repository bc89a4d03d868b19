"""Questions to the analyst database, on a connection that can read that one file and nothing else."""

from pathlib import Path

import duckdb
import polars as pl

from spot.errors import ConfigurationError


def query_database(path: Path, sql: str, *, max_rows: int | None = None) -> pl.DataFrame:
    """Answer SQL from the DuckDB file at `path`, read-only and without any file or network access; instants are UTC.

    Raises:
        ConfigurationError: nothing is published there yet, or the SQL is wrong or asks for what is closed.
    """
    if not path.exists():
        raise ConfigurationError(f"no analyst database at {path}: run `spotdesk demo` or `spotdesk run` first")
    try:
        with duckdb.connect(str(path), read_only=True, config={"enable_external_access": "false"}) as connection:
            connection.execute("SET TimeZone = 'UTC'; SET lock_configuration = true")
            answer = connection.sql(sql)
            frame = pl.DataFrame() if answer is None else _frame(answer)
    except duckdb.Error as error:
        raise ConfigurationError(f"the SQL was not answered: {error}") from error
    return frame if max_rows is None else frame.head(max_rows)


def _frame(answer: duckdb.DuckDBPyRelation) -> pl.DataFrame:
    """The rows; a name that comes a second time, as in `SELECT * FROM a JOIN b`, gets a number."""
    table = answer.to_arrow_table()
    seen: dict[str, int] = {}
    names = []
    for name in table.column_names:
        seen[name] = seen.get(name, -1) + 1
        names.append(f"{name}_{seen[name]}" if seen[name] else name)
    return pl.DataFrame(table.rename_columns(names))
