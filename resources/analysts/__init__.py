"""The analysts' DuckDB file: tables, views and read-only queries."""
