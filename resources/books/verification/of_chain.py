"""The chain itself: its links, its signatures, and the head that was kept outside."""

from collections.abc import Sequence

from resources.books.chain import RECORD
from resources.books.verification.verdict import Found
from spot.books.record import Head, Record, first_break
from spot.books.signing import is_signed


def check_chain(records: Sequence[Record], damage: str, head: Head | None, public_key: str) -> Found:
    """Whether the records are those that were written.

    Args:
        records: The chain, up to the first line that cannot be read.
        damage: Why that line cannot be read; empty where all can.
        head: A head from outside: it pins every record up to it.
        public_key: The key from outside; empty for none.
    """
    found = Found()
    if damage:
        found.add(len(records), f"the record was changed: {damage}")
    broken = first_break(records)
    if broken is not None:
        found.add(broken, "the record does not follow the one before it: records were removed or put in")
    _check_head(found, records, head)
    is_pinned = head is not None and not found.findings
    key = _check_signatures(found, records, head.number if head is not None and is_pinned else -1)
    if public_key and key != public_key:
        found.add(0, f"the books are signed with {key or 'no key'}, not with the key that was given")
    is_signed_head = head is not None and head.signature and public_key
    if head is not None and is_signed_head and not is_signed(public_key, RECORD, head.hash, head.signature):
        found.add(head.number, "the head that was given is not signed with the key that was given")
    return found


def _check_head(found: Found, records: Sequence[Record], head: Head | None) -> None:
    if head is None:
        return
    if head.number >= len(records):
        found.add(
            len(records),
            f"the record is gone: the given head is record {head.number}, and the books end before it",
        )
    elif records[head.number].hash != head.hash:
        found.add(head.number, "the record, or one before it, is not the one that the head pins")


def _check_signatures(found: Found, records: Sequence[Record], pinned: int) -> str:
    """Check every record after the pinned one; returns the key that signs now."""
    key = ""
    for record in records:
        is_checked = record.number > pinned
        if record.kind == "restore":
            if is_checked and key:
                found.add(record.number, "the desk was restored: give a head from after it")
            key = ""
        if is_checked and key and not _has_signature(record, key):
            found.add(record.number, f"the record ({record.kind}) is not signed with the key of the desk")
        if record.kind == "key":
            new = str(record.content.get("public_key", ""))
            if is_checked and not key and not _has_signature(record, new):
                found.add(record.number, "the key of the desk is not signed with itself")
            key = new
    return key


def _has_signature(record: Record, key: str) -> bool:
    return is_signed(key, RECORD, record.hash, record.signature)
