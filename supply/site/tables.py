"""Reference of tables, assets and alerts, read from contracts, the graph and the runbooks."""

import re
import tempfile
from pathlib import Path

from definitions import build_definitions
from resources.analysts.views import VIEWS
from resources.settings.environment import read_environment
from spot.contracts.model_tables import MODEL_VERSIONS
from spot.contracts.table import Column, TableContract
from spot.contracts.tables import TABLES
from spot.contracts.words import ALERT_KINDS

_HEAD = (
    "Made from the contracts in the code. A raw table only grows: each row has the instant from which it was"
    " known. `spotdesk sql` and `spotdesk.open` read all of them."
)
RUNBOOKS = Path(__file__).resolve().parents[2] / "docs" / "runbooks"


def tables_page() -> str:
    """Every table with its key and columns, and the views of the analyst database."""
    parts = [
        "# Tables\n",
        f"{_HEAD}\n",
        "## Views\n",
        "These are in the analyst database, beside the tables.\n",
        "| view | what |\n|---|---|",
        *(
            f"| `{view.name}{f'({view.arguments})' if view.arguments else ''}` | {_cell(view.words)} |"
            for view in VIEWS
        ),
        "",
        *(_table(contract) for contract in (*TABLES.values(), MODEL_VERSIONS)),
    ]
    return "\n".join(parts)


def _table(contract: TableContract) -> str:
    kind = "A raw table. " if contract.is_raw else ""
    rows = [
        f"| `{name}` | {column.dtype} | {column.unit} | {_column(column)} |"
        for name, column in contract.columns.items()
    ]
    head = "| column | type | unit | meaning |\n|---|---|---|---|"
    key = ", ".join(f"`{name}`" for name in contract.key)
    return f"## {contract.name}\n\n{kind}{contract.description}\n\nKey: {key}.\n\n{head}\n" + "\n".join(
        [*rows, ""]
    )


def _column(column: Column) -> str:
    bounds = [
        f"{word} {value:g}"
        for word, value in (("at least", column.minimum), ("at most", column.maximum))
        if value is not None
    ]
    allowed = [", ".join(map(str, column.allowed))] if column.allowed else []
    more = [*bounds, *allowed, *(["may be null"] if column.nullable else [])]
    return _cell(column.description + (f" ({'; '.join(more)})" if more else ""))


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def assets_page() -> str:
    """Every asset of the graph by group: what it is, what it reads, and its checks."""
    with tempfile.TemporaryDirectory() as folder:
        graph = build_definitions(read_environment(Path(folder))).resolve_asset_graph()
    parts = ["# Assets\n", "Made from the graph that `spotdesk dev` shows.\n"]
    nodes = [graph.get(key) for key in graph.get_all_asset_keys()]
    for group in sorted({node.group_name for node in nodes}):
        parts.append(f"## {group}\n")
        for node in sorted((n for n in nodes if n.group_name == group), key=lambda n: n.key):
            reads = ", ".join(f"`{key.to_user_string()}`" for key in sorted(node.parent_keys))
            checks = ", ".join(f"`{check.name}`" for check in sorted(node.check_keys, key=lambda c: c.name))
            told = [f"### {node.key.to_user_string()}\n", f"{node.description or ''}\n"]
            told += [f"Reads: {reads}.\n"] if reads else []
            parts += [*told, *([f"Checks: {checks}.\n"] if checks else [])]
    return "\n".join(parts)


def alerts_page() -> str:
    """Every kind of alert with its severity and its runbook."""
    index = (RUNBOOKS / "README.md").read_text(encoding="utf-8")
    lines = dict(re.findall(r"^\| \[(\w+)\]\(\w+\.md\) \| (.*) \|$", index, flags=re.MULTILINE))
    rows = [f"| [{kind}](../runbooks/{kind}.md) | {lines[kind]} |" for kind in ALERT_KINDS]
    head = "# Alerts\n\nMade from the kinds in the code. Each has a runbook: what to see, check and do.\n"
    return "\n".join([head, "| alert | severity | in short |", "|---|---|---|", *rows, ""])
