"""The packages of `requirements.lock`, and what their installed copies say of themselves."""

import re
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, metadata
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LOCK = ROOT / "requirements.lock"
_PIN = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[^\]]*\])?==([^ ;\\]+)(?: ; ([^\\]+?))?(?: \\)?$")
_HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")
_LONGEST_NAME = 80
"""A longer text in the field for the name of the licence is the licence itself."""


@dataclass(frozen=True, slots=True)
class Locked:
    """One pinned package."""

    name: str
    version: str
    marker: str
    """Where it is installed, such as `sys_platform == 'win32'`; empty for everywhere."""
    sha256: tuple[str, ...]

    @property
    def licence(self) -> str | None:
        """The licence that the installed package names; empty if it names none, None without the package."""
        try:
            told = metadata(self.name).json
        except PackageNotFoundError:
            return None
        expression, text = str(told.get("license_expression", "")), str(told.get("license", "")).strip()
        if expression:
            return expression
        if text and len(text) <= _LONGEST_NAME and "\n" not in text:
            return text
        classes = [one for one in told.get("classifier", ()) if one.startswith("License ::")]
        return " OR ".join(one.split(" :: ")[-1] for one in classes)


def locked(path: Path = LOCK) -> list[Locked]:
    """Every pin of the lock, in its order.

    Raises:
        ValueError: a line is neither a pin, a hash nor a comment.
    """
    found: list[Locked] = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        if hashed := _HASH.search(line):
            last = found[-1]
            found[-1] = Locked(last.name, last.version, last.marker, (*last.sha256, hashed[1]))
        elif pin := _PIN.match(line):
            found.append(Locked(pin[1], pin[2], pin[3] or "", ()))
        elif line.strip() and not line.startswith("#"):
            raise ValueError(f"{path.name}: line {number} is no pin: {line}")
    return found
