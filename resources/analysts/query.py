"""Queries on the analyst database, over a connection that can read that one file and nothing else."""

from pathlib import Path

import duckdb
import polars as pl

from spot.errors import ConfigurationError

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


def query_database(path: Path, sql: str, *, max_rows: int | None = None) -> pl.DataFrame:
    """Answer SQL from the DuckDB file at `path`, read-only and without any file or network access.

    Instants are UTC.

    Raises:
        ConfigurationError: nothing is published there yet, or the SQL is wrong or not allowed.
    """
    if not path.exists():
        of_demo = path.parent / "demo"
        hint = f"; to query that of the demo, add --home {of_demo}" if (of_demo / path.name).exists() else ""
        raise ConfigurationError(
            f"no analyst database at {path}: run `spotdesk demo` or `spotdesk run` first{hint}"
        )
    try:
        with duckdb.connect(
            str(path), read_only=True, config={"enable_external_access": "false"}
        ) as connection:
            connection.execute("SET TimeZone = 'UTC'; SET lock_configuration = true")
            n_statements = len(connection.extract_statements(sql))
            if n_statements != 1:
                raise ConfigurationError(
                    f"one statement is answered at a time; this text has {n_statements}: ask for them one"
                    " after the other"
                )
            answer = connection.sql(sql)
            frame = pl.DataFrame() if answer is None else _frame(answer)
    except duckdb.Error as error:
        raise ConfigurationError(f"the SQL was not answered: {error}") from error
    return frame if max_rows is None else frame.head(max_rows)


def _frame(answer: duckdb.DuckDBPyRelation) -> pl.DataFrame:
    """The rows. A column name that occurs again, as in `SELECT * FROM a JOIN b`, gets a number."""
    table = answer.to_arrow_table()
    seen: dict[str, int] = {}
    names = []
    for name in table.column_names:
        seen[name] = seen.get(name, -1) + 1
        names.append(f"{name}_{seen[name]}" if seen[name] else name)
    return pl.DataFrame(table.rename_columns(names))
