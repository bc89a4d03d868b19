"""Whether every package of the lock has a licence that the project accepts: `make licences`.

Accepted are permissive licences and the MPL. A library under the LGPL must be listed by name below, where it
is used unmodified; a package that names no licence must be listed with the one that its source has. Exit code
1 names every package that is not accepted.
"""

import re
import sys

from supply.lock import Locked, locked

_PERMISSIVE = re.compile(
    r"\b(MIT|MIT-0|MIT-CMU|Apache|BSD|0BSD|ISC|PSF|PSFL|Python Software Foundation|Zlib|CC0|Unlicense|CNRI"
    r"|HPND|MPL|Mozilla Public License|2-clause BSD|3-Clause BSD)\b",
    re.IGNORECASE,
)
_COPYLEFT = re.compile(r"GPL|EUPL|SSPL|CECILL|OSL|CC-BY-SA|\bGNU\b|Affero", re.IGNORECASE)
LGPL_UNMODIFIED = frozenset({"psycopg2-binary"})
"""Libraries under the LGPL that are used as they are published."""
KNOWN = {
    "axe-playwright-python": "MIT AND MPL-2.0",
    "docutils": "BSD-2-Clause OR PSF-2.0 OR Public Domain",
    "huey": "MIT",
    "python-dateutil": "Apache-2.0 OR BSD-3-Clause",
    "skops": "MIT",
}
"""Packages whose metadata name no licence, or only that there is one, and the licence of their source.

The GPL that docutils names is of a mode for Emacs, which its wheel does not have.
"""


def refusal(package: Locked) -> str:
    """Why a package is not accepted; empty where it is, or is not installed on this platform."""
    said = KNOWN.get(package.name, package.licence)
    if said is None:
        return ""
    if _COPYLEFT.search(said):
        is_listed = "LGPL" in said.upper() and package.name in LGPL_UNMODIFIED
        return "" if is_listed else f"{package.name} {package.version}: {said}"
    if not _PERMISSIVE.search(said):
        return f"{package.name} {package.version}: {said or 'names no licence'}"
    return ""


def main() -> None:
    """Print what is not accepted, or how many packages were read."""
    packages = locked()
    refused = [why for package in packages if (why := refusal(package))]
    absent = [package.name for package in packages if package.licence is None]
    for why in refused:
        print(f"not accepted: {why}")
    if refused:
        sys.exit(1)
    n_read = len(packages) - len(absent)
    print(f"{n_read} licences accepted; not installed here, and so not read: {', '.join(absent)}")


if __name__ == "__main__":
    main()
