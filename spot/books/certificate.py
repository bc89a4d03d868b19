"""A certificate of a signal: checked with the public key and nothing of the desk at hand.

It holds the signal as one text, the record of the commit that wrote it with a Merkle path from the text to
it, the hashes that lead from this record to a later signed head, and what the decision was made of. The desk
signs the whole.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from spot.books.merkle import climbed, leaf_of
from spot.books.record import Head, Record, canonical, linked, parse_head, parse_record, sha256_of
from spot.books.signing import is_signed

SCHEMA = 1
"""Form of the file. Another number is refused."""
PURPOSE = "certificate"
"""What the signature of a certificate is for."""
RECORD = "record"


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that a certificate states, and whether it holds."""

    what: str
    holds: bool


def make_statement(
    *,
    signal: str,
    path: Sequence[tuple[str, str]],
    record: Record,
    links: Sequence[str],
    head: Head,
    facts: Mapping[str, Any],
) -> dict[str, Any]:
    """What a certificate says, before it is signed.

    Args:
        signal: The row as one JSON text.
        path: From the row to the hash of all rows of its commit.
        record: The record of this commit.
        links: Hash of the body of each record after it, up to that of the head.
        head: A signed head.
        facts: What the decision was made of.
    """
    return {
        "schema": SCHEMA,
        "signal": signal,
        "path": [list(step) for step in path],
        "record": record.as_document(),
        "links": list(links),
        "head": str(head),
        **facts,
    }


def check_certificate(text: bytes, public_key: str) -> list[Check]:
    """Everything that the certificate proves, each with whether it holds.

    Args:
        text: The file.
        public_key: The key of the desk, as it was published apart.

    Raises:
        ValueError: it is no certificate.
    """
    try:
        document = json.loads(text)
        statement, signature = dict(document["statement"]), str(document["signature"])
        record = parse_record(canonical(statement["record"]))
        head = parse_head(str(statement["head"]))
        path = [(str(side), str(other)) for side, other in statement["path"]]
        root = climbed(leaf_of(str(statement["signal"]).encode()), path)
        links = [str(body) for body in statement["links"]]
        row = json.loads(statement["signal"])
        facts = (statement["schema"], statement["decision"], record.content.get("rows"))
    except (KeyError, TypeError, RecursionError, AttributeError) as error:
        raise ValueError(f"it is no certificate ({error})") from error
    schema, decision, rows = facts
    reached = record.hash
    for body in links:
        reached = linked(reached, body)
    is_head_signed = is_signed(public_key, RECORD, head.hash, head.signature)
    return [
        Check(f"its schema is {SCHEMA}", schema == SCHEMA),
        Check(
            "the desk signed the certificate", is_signed(public_key, PURPOSE, sha256_of(statement), signature)
        ),
        Check("the signal is in this commit", root == rows),
        Check("the desk signed the head", is_head_signed),
        Check(
            "the record is below the head", (reached, record.number + len(links)) == (head.hash, head.number)
        ),
        Check("the summary is that of the signal", all(row.get(key) == decision[key] for key in decision)),
    ]
