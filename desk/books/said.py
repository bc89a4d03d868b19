"""What `spotdesk status` and `doctor` say of the books."""

from typing import Any

from resources.books.chain import Chain
from resources.books.leaving import last_departure
from resources.settings.environment import Environment
from spot.books.record import Head
from spot.errors import ConfigurationError

_SHOWN = 12
"""Digits of a hash that a person sees. Chosen by hand: 48 bits tell two heads of one desk apart at a glance.
Programs compare the whole hash.
"""


def books_facts(environment: Environment) -> dict[str, Any]:
    """The head, whether it is signed, when one last left and to where, and what is wrong, in words."""
    head, problem = _head(environment)
    left = last_departure(environment.home)
    if not problem and head is not None and not head.signature:
        problem = "no key is set up: `spotdesk books key --make`"
    if not problem and left is None:
        problem = "no head has left the desk: set SPOTDESK_BOOKS_URI, or keep `spotdesk books head` elsewhere"
    return {
        "head": "" if head is None else str(head),
        "is_signed": head is not None and bool(head.signature),
        "last_left_at_utc": "" if left is None else left.at_utc,
        "last_left_to": "" if left is None else left.to,
        "problem": problem,
    }


def books_line(environment: Environment) -> str:
    """The same in one line."""
    facts = books_facts(environment)
    head, _, digest = facts["head"].partition(":")
    shown = f"record {head}, {digest[:_SHOWN]}" if head else "no record"
    left = f"; a head left {facts['last_left_at_utc'][:16]}Z" if facts["last_left_at_utc"] else ""
    problem = f"; {facts['problem']}" if facts["problem"] else ""
    return f"books: {shown}{left}{problem}"


def _head(environment: Environment) -> tuple[Head | None, str]:
    try:
        head = Chain(environment.home).head()
    except (ConfigurationError, OSError) as error:
        return None, str(error)
    return head, "" if head is not None else "not begun: the next run or `spotdesk upgrade` begins them"
