"""Making the certificate of a signal from the tables, the registry and the books."""

import json
from typing import Any

import polars as pl

from resources.books.chain import Chain
from resources.books.commits import CERTIFIED, COMMIT
from resources.books.keys import signing_key
from resources.books.proofs import rows_written
from resources.files import read_regular
from resources.settings.environment import Environment
from resources.wiring import make_lake, make_registry
from spot.books.certificate import PURPOSE, make_statement
from spot.books.merkle import path_to, root_of
from spot.books.record import Record, sha256_of
from spot.books.rows import row_leaves, row_texts
from spot.books.signing import public_key_of, sign
from spot.contracts.tables import find_contract
from spot.errors import ConfigurationError, ModelNotFoundError

_MOST_LINKS = 5000
"""Records between a signal and the head of its certificate: 330 kB of hashes."""
_DECISION = (
    "signal_id",
    "zone",
    "delivery_day",
    "strategy",
    "side",
    "volume_mw",
    "limit_price_eur_per_mwh",
    "as_of_utc",
    "valid_until_utc",
    "mode",
    "trading_state",
    "model_name",
    "model_version",
    "data_version",
    "settings_hash",
    "limits_applied",
    "reasons",
)
_MAXIMUM_BYTES = 2**20
"""Largest file of risk limits that a certificate takes up. Chosen by hand: one has a few kB."""


def make_certificate(environment: Environment, signal_id: str) -> dict[str, Any]:
    """The certificate of the newest signal whose id begins with `signal_id`.

    Raises:
        ConfigurationError: the desk has no key, no such signal, or no record of it.
    """
    chain = Chain(environment.home)
    key = signing_key(environment.home)
    if key is None:
        raise ConfigurationError("a certificate is signed, and the desk has no key: `spotdesk books key`")
    records, (record, rows, place) = chain.records(), _found(environment, chain, signal_id)
    leaves = row_leaves(rows, find_contract(CERTIFIED).key)
    signal = row_texts(rows, find_contract(CERTIFIED).key)[place]
    row = json.loads(signal)
    later = records[record.number + 1 : record.number + 1 + _MOST_LINKS]
    statement = make_statement(
        signal=signal,
        path=path_to(leaves, place),
        record=record,
        links=[one.body_hash for one in later],
        head=(later[-1] if later else record).head,
        facts={
            "decision": {name: row[name] for name in _DECISION},
            "inputs": _inputs(records, record),
            "code_commit": record.content.get("code", ""),
            "model": _model(environment, row),
            "limits": _limits(environment),
            "public_key": public_key_of(key),
        },
    )
    return {"statement": statement, "signature": sign(key, PURPOSE, sha256_of(statement))}


def _found(environment: Environment, chain: Chain, signal_id: str) -> tuple[Record, pl.DataFrame, int]:
    """The newest record of a commit that wrote the signal, its rows by key, and the place of the signal."""
    stored = make_lake(environment).stored(CERTIFIED)
    for record in reversed(chain.records()):
        if record.kind != COMMIT or record.content["table"] != CERTIFIED or "rows" not in record.content:
            continue
        rows = rows_written(stored, record.content["version"]).sort(find_contract(CERTIFIED).key)
        places = rows.with_row_index().filter(pl.col("signal_id").str.starts_with(signal_id))["index"]
        if places.is_empty():
            continue
        if root_of(row_leaves(rows, find_contract(CERTIFIED).key)) != record.content["rows"]:
            raise ConfigurationError(
                f"the rows of record {record.number} are not as the books pin them: `spotdesk books verify`"
            )
        return record, rows, places[0]
    raise ConfigurationError(
        f"no signal {signal_id} in the books: `spotdesk signals` shows ids; those from before the books began"
        " have no certificate"
    )


def _inputs(records: list[Record], record: Record) -> list[dict[str, Any]]:
    """Tables and versions that the decision read, each with the instant and the record that pins it."""
    wanted = dict(record.content.get("read", {})).items()
    pins = {(one.content["table"], one.content["version"]): one for one in records if one.kind == COMMIT}
    return [
        {
            "table": name,
            "version": version,
            "record": pin.number if (pin := pins.get((name, version))) else None,
            "recorded_at_utc": pin.at_utc if pin else None,
            "commit_files": dict(pin.content["files"]) if pin else None,
        }
        for name, version in sorted(wanted)
    ]


def _model(environment: Environment, row: dict[str, Any]) -> dict[str, Any] | None:
    """The version behind the forecast, with the checksums of its files."""
    if not row["model_version"] or row["model_version"] == "none":
        return None
    try:
        version = make_registry(environment).version(row["zone"], row["model_version"])
    except ModelNotFoundError:
        return None
    return {
        "name": version.name,
        "version": version.version,
        "fingerprint": version.fingerprint,
        "checksums": version.checksums,
        "trained_through": str(version.trained_through),
        "code_commit": version.tags.get("code_commit", ""),
        "code_version": version.tags.get("code_version", ""),
    }


def _limits(environment: Environment) -> dict[str, str]:
    """The limits in force now, as text; `settings_hash` of the decision says which it was made with."""
    path = environment.settings_folder / "risk_limits.yaml"
    try:
        return {"risk_limits": read_regular(path, _MAXIMUM_BYTES).decode()}
    except (OSError, UnicodeDecodeError):
        return {"risk_limits": ""}
