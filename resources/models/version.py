"""A registered model version: the facts about it, and how they are written as tags."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, Literal

from spot.errors import ConfigurationError

PRICE_FAMILY = "day_ahead_price"
SPREAD_FAMILY = "settlement_spread"
PINNED = "pinned"
"""Tag of a version that a person has pinned; empty once it was released."""
JUDGED_INPUTS_TAG = "judged_inputs"
"""Tag of a version whose training tried optional inputs: JSON of what was tried, kept, and its worth."""
Stage = Literal["candidate", "challenger", "champion", "served", "rejected", "expired", "withdrawn"]
"""Stored stages. Every version that ever served has `champion`; the alias says which one serves now, and
`shown_versions` shows the others as `served`. `withdrawn` was rolled back.
"""
_RESERVED = (
    "fingerprint",
    "stage",
    "lineage",
    "trained_from",
    "trained_through",
    "serves_from",
    "checksums",
    "settings",
    "metrics",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelVersion:
    """The facts about one registered version, without loading it."""

    zone: str
    name: str
    """Registered model."""
    version: str
    stage: Stage
    fingerprint: str
    lineage: str
    """Source of the data and what was admitted early. A version never replaces one of a different lineage."""
    trained_from: date
    trained_through: date
    """Newest delivery day the model learnt from."""
    serves_from: date
    """First delivery day it may forecast."""
    settings: dict[str, Any]
    metrics: dict[str, float]
    tags: dict[str, str]
    """Everything else that was registered: data_version, code_commit, code_version, cause, seed and so on."""
    checksums: dict[str, str]
    run_id: str
    created_at_utc: datetime

    @property
    def family(self) -> str:
        """What it forecasts: `PRICE_FAMILY` or `SPREAD_FAMILY`. The registered name is `family.zone`."""
        return self.name.partition(".")[0]

    @property
    def label(self) -> str:
        """Its name in one line: `version 3`, or `spread version 3`."""
        return f"spread version {self.version}" if self.is_spread else f"version {self.version}"

    @property
    def pinned(self) -> str:
        """Who pinned it and why; empty where nobody did. A pinned version is not replaced."""
        return self.tags.get(PINNED, "")

    @property
    def judged_inputs(self) -> list[tuple[str, str]]:
        """Optional inputs that its training tried, and what came of each in words."""
        return [
            (", ".join(one["inputs"]), _judged_in_words(one))
            for one in json.loads(self.tags.get(JUDGED_INPUTS_TAG, "[]"))
        ]

    @property
    def is_spread(self) -> bool:
        """Whether it is of the spread model."""
        return self.family == SPREAD_FAMILY


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionFacts:
    """The facts given when a version is registered. The fields are those of `ModelVersion`."""

    settings: Mapping[str, Any]
    metrics: Mapping[str, float]
    fingerprint: str
    lineage: str
    trained_from: date
    trained_through: date
    serves_from: date
    tags: Mapping[str, str]


def _judged_in_words(judged: Mapping[str, Any]) -> str:
    """`kept: error 5.1 % lower with it`, or `dropped`."""
    verdict = "kept" if judged["is_kept"] else "dropped"
    percent = judged["lower_percent"]
    if percent is None:
        return f"{verdict}: not judged, as set or because it is absent"
    return f"{verdict}: error {abs(percent):.2f} % {'lower' if percent > 0 else 'higher'} with it"


def family_name(family: str) -> str:
    """The name that an asset declares to read models of `family` from the registry."""
    return f"registry:{family}"


def refuse_reserved(names: Mapping[str, str]) -> None:
    """Refuse tags whose names the registry reserves.

    Raises:
        ConfigurationError: there is such a name.
    """
    clash = set(names) & set(_RESERVED)
    if clash:
        raise ConfigurationError(
            f"registry: tags {sorted(clash)} are reserved by the registry, use other names"
        )


def refuse_to_replace(serving: ModelVersion | None, other: ModelVersion) -> None:
    """Refuse that another version serves in the place of a pinned one.

    Raises:
        ConfigurationError: the serving version is pinned, and `other` is another.
    """
    if serving is not None and serving.pinned and other.version != serving.version:
        spread = " --model spread" if serving.is_spread else ""
        raise ConfigurationError(
            f"{serving.label} of {serving.zone} is pinned ({serving.pinned}), so it is not replaced:"
            f" `spotdesk models unpin{spread} --zone {serving.zone} --by NAME --reason ...` releases it"
        )


def version_tags(facts: VersionFacts, files: Mapping[str, bytes]) -> dict[str, str]:
    """All tags of a new version."""
    return {
        **facts.tags,
        "fingerprint": facts.fingerprint,
        "stage": "candidate",
        "lineage": facts.lineage,
        "trained_from": str(facts.trained_from),
        "trained_through": str(facts.trained_through),
        "serves_from": str(facts.serves_from),
        "checksums": json.dumps(checksums_of(files)),
        "settings": json.dumps(dict(facts.settings), sort_keys=True, default=str),
        "metrics": json.dumps(dict(facts.metrics), sort_keys=True),
    }


def checksums_of(files: Mapping[str, bytes]) -> dict[str, str]:
    """Name to sha256 of each file, by name."""
    return {name: hashlib.sha256(content).hexdigest() for name, content in sorted(files.items())}


def is_version(row: Any) -> bool:
    """Whether a row of MLflow is one of our versions. A number that was only skipped has no fingerprint."""
    return "fingerprint" in row.tags


def parse_version(zone: str, row: Any) -> ModelVersion:
    """The version that a row of MLflow holds."""
    tags = dict(row.tags)
    return ModelVersion(
        zone=zone,
        name=row.name,
        version=str(row.version),
        stage=tags.get("stage", "candidate"),
        fingerprint=tags["fingerprint"],
        lineage=tags["lineage"],
        trained_from=date.fromisoformat(tags["trained_from"]),
        trained_through=date.fromisoformat(tags["trained_through"]),
        serves_from=date.fromisoformat(tags["serves_from"]),
        settings=json.loads(tags["settings"]),
        metrics=json.loads(tags["metrics"]),
        tags={key: value for key, value in tags.items() if key not in _RESERVED},
        checksums=json.loads(tags["checksums"]),
        run_id=row.run_id,
        created_at_utc=datetime.fromtimestamp(row.creation_timestamp / 1000, UTC),
    )
