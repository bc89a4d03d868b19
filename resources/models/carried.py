"""A model version as one file: its facts, its files and its evidence, to be carried to another registry.

The file is a tar archive: `manifest.json`, then the files of the model. The same version gives the same
bytes, so its sha256 names it. Whoever imports it states that sum; what is damaged or foreign has another.
"""

import hashlib
import io
import json
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from resources.models.version import (
    PINNED,
    PRICE_FAMILY,
    SPREAD_FAMILY,
    ModelVersion,
    VersionFacts,
    checksums_of,
)
from spot.errors import ModelIntegrityError

FORMAT = 1
"""Version of the manifest's layout. A reader refuses any other."""
MANIFEST = "manifest.json"
EVALUATION = "evaluation"
ELSEWHERE = "evaluation_elsewhere"
"""Tag of the evaluation that came along: it was made beside another champion, so it decides nothing here."""
CARRIED = "carried"
"""Tag of a version that came from another registry: from where, under which sum, and who imported it."""
MAXIMUM_BYTES = 512 * 2**20
"""Chosen by hand: twice what a file of a model may have. A version of the profile `fast` has less than 1 MB.
"""
_MAXIMUM_FILES = 64
"""The same bound as `model_files` has for a stored version."""
_OF_THE_DESK = (PINNED, CARRIED)


@dataclass(frozen=True, slots=True, kw_only=True)
class CarriedVersion:
    """What a file holds."""

    zone: str
    family: str
    version: str
    """Its number where it comes from."""
    desk: str
    """Identity of the desk that it comes from."""
    stage: str
    facts: VersionFacts
    files: Mapping[str, bytes]
    manifest: bytes
    """As it was written, with the decisions on the version."""


def pack(
    version: ModelVersion, files: Mapping[str, bytes], *, desk: str, decisions: Sequence[Mapping[str, Any]]
) -> bytes:
    """The file of a version. `decisions` are the rows of `promotion_decisions` about it."""
    manifest = {
        "format": FORMAT,
        "desk": desk,
        "zone": version.zone,
        "family": version.family,
        "version": version.version,
        "stage": version.stage,
        "fingerprint": version.fingerprint,
        "lineage": version.lineage,
        "trained_from": version.trained_from,
        "trained_through": version.trained_through,
        "serves_from": version.serves_from,
        "settings": version.settings,
        "metrics": version.metrics,
        "tags": version.tags,
        "checksums": checksums_of(files),
        "decisions": list(decisions),
    }
    text = json.dumps(manifest, indent=1, sort_keys=True, default=str).encode()
    held = io.BytesIO()
    with tarfile.open(fileobj=held, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name, content in [(MANIFEST, text), *sorted(files.items())]:
            member = tarfile.TarInfo(name if name == MANIFEST else f"model/{name}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return held.getvalue()


def sum_of(content: bytes) -> str:
    """The sha256 that names a file."""
    return hashlib.sha256(content).hexdigest()


def unpack(content: bytes, *, sha256: str) -> CarriedVersion:
    """The version that a file holds.

    Raises:
        ModelIntegrityError: the sum is another, or the file is not one that `pack` has made.
    """
    if sum_of(content) != sha256.strip().lower():
        raise ModelIntegrityError(
            f"the file has the sha256 {sum_of(content)}, not {sha256.strip()[:64]}: it is damaged, or it is"
            " another file; export it again"
        )
    members = _members(content)
    text = members.pop(MANIFEST, b"")
    files = {name.removeprefix("model/"): held for name, held in members.items()}
    try:
        manifest = json.loads(text)
        if manifest["format"] != FORMAT:
            raise ModelIntegrityError(
                f"the file has format {manifest['format']!r}, this Spotdesk reads {FORMAT}: export it with"
                " the same release"
            )
        if manifest["family"] not in (PRICE_FAMILY, SPREAD_FAMILY):
            raise ModelIntegrityError(f"the file holds a model of {str(manifest['family'])[:40]!r}")
        if manifest["checksums"] != checksums_of(files):
            raise ModelIntegrityError("the files of the model are not those that were registered")
        tags = {str(key): str(value) for key, value in dict(manifest["tags"]).items()}
        return CarriedVersion(
            zone=str(manifest["zone"]),
            family=manifest["family"],
            version=str(manifest["version"]),
            desk=str(manifest["desk"]),
            stage=str(manifest["stage"]),
            facts=VersionFacts(
                settings=dict(manifest["settings"]),
                metrics={str(name): float(value) for name, value in dict(manifest["metrics"]).items()},
                fingerprint=str(manifest["fingerprint"]),
                lineage=str(manifest["lineage"]),
                trained_from=date.fromisoformat(manifest["trained_from"]),
                trained_through=date.fromisoformat(manifest["trained_through"]),
                serves_from=date.fromisoformat(manifest["serves_from"]),
                tags=_without_this_desk(tags),
            ),
            files=files,
            manifest=text,
        )
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise ModelIntegrityError(
            "the file holds no model of Spotdesk: its manifest lacks something or cannot be read"
            f" ({type(error).__name__}: {str(error)[:80]})"
        ) from error


def _members(content: bytes) -> dict[str, bytes]:
    """Name to content of each plain file of the archive; nothing is written to a disk."""
    if len(content) > MAXIMUM_BYTES:
        raise ModelIntegrityError(
            f"the file has more than {MAXIMUM_BYTES // 2**20} MB: it is no model version"
        )
    found: dict[str, bytes] = {}
    try:
        with tarfile.open(fileobj=io.BytesIO(content), mode="r:") as archive:
            for member in archive:
                name = member.name
                is_known = name == MANIFEST or (name.startswith("model/") and name.count("/") == 1)
                if not member.isreg() or not is_known or name in found or len(found) > _MAXIMUM_FILES:
                    raise ModelIntegrityError(f"the file holds {name[:60]!r}, which no model version has")
                held = archive.extractfile(member)
                found[name] = b"" if held is None else held.read()
    except (tarfile.TarError, EOFError) as error:
        raise ModelIntegrityError(
            f"the file holds no model of Spotdesk: it is no archive ({error})"
        ) from error
    return found


def _without_this_desk(tags: Mapping[str, str]) -> dict[str, str]:
    """The tags as another registry takes them."""
    kept = {key: value for key, value in tags.items() if key not in (*_OF_THE_DESK, EVALUATION)}
    return {**kept, ELSEWHERE: tags[EVALUATION]} if EVALUATION in tags else kept
