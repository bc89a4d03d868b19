"""The whole verification: the chain, and everything that it pins."""

from resources.books.begin import read_manifest
from resources.books.chain import Chain
from resources.books.verification.of_chain import check_chain
from resources.books.verification.of_rest import check_models, check_settings, check_state
from resources.books.verification.of_tables import check_table
from resources.books.verification.verdict import Found, Verdict
from resources.settings.environment import Environment
from resources.wiring import make_lake
from spot.books.expected import Expected, ExpectedTable, expected_of, key_in_force
from spot.books.record import Head, Record, first_break
from spot.contracts.tables import TABLES
from spot.errors import ConfigurationError


def verify(environment: Environment, *, head: Head | None = None, public_key: str = "") -> Verdict:
    """Compare everything that the books pin with what stands. Nothing is written.

    Args:
        environment: The desk.
        head: A head that was kept elsewhere.
        public_key: The public key, as it was published elsewhere; empty where the books' own is taken.

    Raises:
        ConfigurationError: the chain, or the registry, cannot be read at all.
    """
    chain = Chain(environment.home)
    records, damage = chain.read()
    chained = check_chain(records, damage, head, public_key)
    if not records and not damage:
        chained.add(0, "there are no books: they were never begun, or were removed")
    # What a broken chain pins is not known, so only whole ones are compared with what stands.
    is_whole = not damage and first_break(records) is None
    found = _compare(environment, chain, records, public_key) if is_whole else Found()
    return Verdict(
        findings=(*sorted(chained.findings), *sorted(found.findings)),
        unproved=tuple(found.unproved),
        waiting=tuple(found.waiting),
        n_records=len(records),
        n_late=sum(record.is_late for record in records),
        head=records[-1].head if records else None,
        pinned=-1 if head is None else head.number,
        public_key=key_in_force(records),
    )


def _compare(environment: Environment, chain: Chain, records: list[Record], public_key: str) -> Found:
    """Compare what the records pin with what stands."""
    found, last = Found(), len(records)
    try:
        expected = expected_of(records, lambda record: read_manifest(chain, record))
    except (ConfigurationError, KeyError, TypeError, AttributeError) as error:
        found.add(last, f"what the books pin cannot be read: {error}")
        expected = Expected()
    else:
        key = public_key or key_in_force(records)
        lake = make_lake(environment)
        for name in TABLES:
            found.take(check_table(lake.stored(name), expected.tables.get(name, ExpectedTable()), key))
        found.take(check_models(environment, expected, last))
        found.take(check_settings(environment.home, expected.settings, last))
        found.take(check_state(environment.trading_state, expected, last))
    return found
