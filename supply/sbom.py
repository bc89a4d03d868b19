"""The bill of materials of a release, CycloneDX 1.6 as JSON: `make sbom` writes it beside the lock.

It is made of a lock and `pyproject.toml` alone, and of the licences of what is installed. The same lock gives
the same file. The image holds the one of its runtime lock, and its label has the checksum.
"""

import argparse
import json
import tomllib
import uuid
from pathlib import Path
from typing import Any

from supply.licences import KNOWN
from supply.lock import LOCK, ROOT, Locked, locked

_SPDX = frozenset({"MIT", "MIT-0", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "ISC", "MPL-2.0", "PSF-2.0"})


def bill_of_materials(lock: Path = LOCK) -> dict[str, Any]:
    """The document: Spotdesk itself, and every package of the lock with version, hashes and licence."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    packages = locked(lock)
    reference = f"pkg:pypi/{project['name']}@{project['version']}"
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, reference + lock.read_text('utf-8'))}",
        "version": 1,
        "metadata": {
            "component": {
                "type": "application",
                "bom-ref": reference,
                "name": project["name"],
                "version": project["version"],
                "purl": reference,
                "licenses": [{"license": {"id": project["license"]}}],
            }
        },
        "components": [_component(package) for package in packages],
        "dependencies": [{"ref": reference, "dependsOn": [_purl(package) for package in packages]}],
    }


def _component(package: Locked) -> dict[str, Any]:
    told: dict[str, Any] = {
        "type": "library",
        "bom-ref": _purl(package),
        "name": package.name,
        "version": package.version,
        "purl": _purl(package),
        "hashes": [{"alg": "SHA-256", "content": one} for one in package.sha256],
    }
    licence = KNOWN.get(package.name, package.licence)
    if licence:
        kind = "id" if licence in _SPDX else "name"
        told["licenses"] = [{"license": {kind: licence}}]
    if package.marker:
        told["properties"] = [{"name": "python:marker", "value": package.marker}]
    return told


def _purl(package: Locked) -> str:
    return f"pkg:pypi/{package.name.lower().replace('_', '-')}@{package.version}"


def main() -> None:
    """Write the file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("--lock", type=Path, default=LOCK)
    asked = parser.parse_args()
    document = bill_of_materials(asked.lock)
    asked.file.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    print(f"{asked.file}: {len(document['components'])} packages")


if __name__ == "__main__":
    main()
