"""Roles, and what each may do. Every part of the desk asks `may`; what is not listed here needs an admin."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Literal

How = Literal["password", "proxy", "loopback"]
IDENTITY = "spotdesk.identity"
"""Key of the ASGI scope of a request under which the guard says who asks. No header can set it."""


class Role(StrEnum):
    """What a person is on the desk, from the least to the most."""

    VIEWER = "viewer"
    TRADER = "trader"
    ADMIN = "admin"


_RANK = {role: rank for rank, role in enumerate(Role)}
NEEDED: Mapping[str, Role] = MappingProxyType(
    {
        "look": Role.VIEWER,
        "halt": Role.TRADER,
        "reduce": Role.TRADER,
        "resume": Role.TRADER,
        "acknowledge": Role.TRADER,
        "override": Role.TRADER,
        "retrain": Role.TRADER,
        "launch": Role.TRADER,
        "terminate": Role.TRADER,
        "promote": Role.TRADER,
        "sign_off": Role.TRADER,
    }
)
"""Action to the least role that may do it."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Somebody who was told apart from others, and how."""

    name: str
    role: Role
    how: How


def may(identity: Identity | None, action: str) -> bool:
    """Whether somebody may do an action; nobody may do anything, and an unknown action needs an admin."""
    return identity is not None and _RANK[identity.role] >= _RANK[NEEDED.get(action, Role.ADMIN)]
