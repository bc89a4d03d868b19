"""`spotdesk sources`: the sources of raw rows."""

from typing import Any

from desk.screen.console import JsonFlag, emit, emit_json
from resources.plugins.registry import Registration
from resources.plugins.sources import SOURCES
from resources.providers.provider import Provider
from resources.settings.at_use import provider_secret
from resources.settings.desk import desk_settings
from resources.settings.environment import read_environment

_NOT_LIVE = {
    "simulated": "a simulated market of any zone",
    "files": "recorded market data, and tables of your own",
}


def sources(*, as_json: JsonFlag = False) -> None:
    """List the sources of raw rows.

    It shows what each has, the keys it needs and whether they are set, and the zones that use it. A source
    from a plug-in shows its package, or the reason why it cannot be used.
    """
    zones = desk_settings(read_environment()).zones
    users = {
        name: [zone for zone, own in zones.items() if name in own.sources] for name in (*_NOT_LIVE, *SOURCES)
    }
    rows = [
        *(
            _row(name, what, docs="docs/sources/files.md" if name == "files" else "")
            for name, what in _NOT_LIVE.items()
        ),
        *(_live_row(one) for one in SOURCES.registrations()),
    ]
    for row in rows:
        row["zones"] = users.get(row["source"], [])
    if as_json:
        emit_json(rows)
        return
    emit([_shown(row) for row in rows], as_json=False, title="sources")


def _live_row(registration: "Registration[type[Provider]]") -> dict[str, Any]:
    found = registration.found
    row = _row(
        registration.name,
        "" if found is None else found.summary,
        docs="" if found is None else found.docs,
        package=registration.package,
        problem=registration.problem,
    )
    row["secrets"] = [
        {
            "name": one.name,
            "variable": one.variable,
            "what": one.what,
            "is_set": bool(provider_secret(one.variable)),
        }
        for one in (() if found is None else found.secrets)
    ]
    return row


def _row(source: str, what: str, *, docs: str = "", package: str = "", problem: str = "") -> dict[str, Any]:
    return {
        "source": source,
        "what": what,
        "secrets": [],
        "docs": docs,
        "package": package,
        "problem": problem,
    }


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    keys = [f"{one['variable']} ({'set' if one['is_set'] else 'not set'})" for one in row["secrets"]]
    return {
        "source": row["source"],
        "what": row["problem"] or row["what"],
        "keys": ", ".join(keys) or "none",
        "zones": " ".join(row["zones"]),
        "package": row["package"],
        "page": row["docs"],
    }
