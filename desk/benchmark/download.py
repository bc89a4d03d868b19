"""The open-access benchmark from its public record, checked against the checksums the record states.

Record: Lago et al., "Open-access benchmark datasets and forecasts for day-ahead electricity price
forecasting", Zenodo 4624805.
"""

import hashlib
from collections.abc import Callable
from pathlib import Path

import httpx

from resources.files import write_whole
from spot.errors import ContractError, SourceUnavailableError

RECORD_URL = "https://zenodo.org/api/records/4624805"
_TIMEOUT_SECONDS = 60.0
"""Longest wait for a part of an answer. Chosen by hand: Zenodo is slow at times, and the files are large."""
Report = Callable[[str, int, int], None]
"""Called with a file's name, bytes received so far and bytes expected."""


def download_record(
    folder: Path, names: tuple[str, ...], report: Report, *, record_url: str = RECORD_URL
) -> list[Path]:
    """Files of the record in `folder`. A complete file that is there is not fetched again.

    Raises:
        SourceUnavailableError: the record does not answer, or not with what was requested.
        ContractError: a file does not match its checksum.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with httpx.Client(timeout=_TIMEOUT_SECONDS, follow_redirects=True) as client:
        try:
            stated = {
                entry["key"]: entry for entry in client.get(record_url).raise_for_status().json()["files"]
            }
            missing = [name for name in names if name not in stated]
            if missing:
                raise SourceUnavailableError(f"the record at {record_url} does not hold {', '.join(missing)}")
            return [_fetch(client, folder / name, stated[name], report) for name in names]
        except (httpx.HTTPError, ValueError, KeyError) as error:
            raise SourceUnavailableError(
                f"the benchmark's public record at {record_url} does not answer as expected: {error!r}"
            ) from error


def _fetch(client: httpx.Client, path: Path, entry: dict[str, object], report: Report) -> Path:
    algorithm, _, expected = str(entry["checksum"]).partition(":")
    if path.is_file() and _digest(path.read_bytes(), algorithm) == expected:
        return path
    links = entry["links"]
    if not isinstance(links, dict):
        raise SourceUnavailableError(f"the record states no address for {path.name}")
    received = bytearray()
    with client.stream("GET", str(links["self"])) as response:
        response.raise_for_status()
        for chunk in response.iter_bytes():
            received += chunk
            report(path.name, len(received), int(str(entry.get("size", 0))))
    if _digest(bytes(received), algorithm) != expected:
        raise ContractError(
            f"{path.name} does not match the {algorithm} checksum that its record states: {len(received)}"
            " bytes were thrown away"
        )
    write_whole(path, bytes(received))
    return path


def _digest(content: bytes, algorithm: str) -> str:
    return hashlib.new(algorithm, content, usedforsecurity=False).hexdigest()
