"""Every answer of a provider, kept as it came.

The body is compressed and stored under its checksum. A row in the table `captures` says when and from where
it came.

Rows can be derived again from here when a parser improves. Bodies never change, so writing one twice has no
effect.
"""

import gzip
import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import uuid4

import polars as pl
from pyarrow import fs

from resources.lake.lake import Lake
from resources.lake.s3 import files_below, with_credentials
from spot.contracts.live_tables import CAPTURES
from spot.errors import ContractError
from spot.sources.safe_input import MAXIMUM_BYTES

SAME_MOMENT = timedelta(seconds=5)
"""Captures of one fetch are some seconds apart at most. Chosen by hand."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CaptureRecord:
    """What is known about one answer, beside its body."""

    source: str
    zone: str
    series: str
    address: str
    first_utc: datetime
    end_utc: datetime
    captured_at_utc: datetime
    is_backfill: bool
    outcome: str
    """`rows`, `no_data`, `refused` (the body is not accepted) or `unavailable` (there is no body)."""
    detail: str = ""
    n_rows: int = 0
    n_rejected: int = 0


@dataclass(frozen=True, slots=True)
class CaptureStore:
    """Bodies below `<lake>/captured_bodies`, on disk or S3 as the lake itself; their rows in the lake."""

    lake: Lake

    def record(self, answers: list[tuple[CaptureRecord, bytes]]) -> None:
        """Keep these answers; a body may be empty where none came. Repeating it changes nothing."""
        if not answers:
            return
        rows = []
        for record, body in answers:
            checksum = self._keep(record.source, body) if body else ""
            row = {name: getattr(record, name) for name in CaptureRecord.__slots__}
            request_id = hashlib.sha256(record.address.encode()).hexdigest()
            rows.append(
                {
                    **row,
                    "request_id": request_id,
                    "body_sha256": checksum,
                    "n_bytes": len(body),
                    "delivery_day": record.captured_at_utc.date(),
                }
            )
        frame = pl.DataFrame(rows, schema_overrides=CAPTURES.schema).select(CAPTURES.columns.keys())
        self.lake.upsert(CAPTURES.name, frame.unique(list(CAPTURES.key), keep="last", maintain_order=True))

    def kept_later(self, source: str, zone: str, series: str, instant: datetime) -> datetime | None:
        """When the newest answer of the series was kept, where that is later than `instant`; else None.

        A request without an answer does not count. Answers that come within seconds of each other may be kept
        in either order.
        """
        rows = self.lake.read(CAPTURES.name, zones=[zone], first_day=instant.date()).filter(
            pl.col("source") == source,
            pl.col("series") == series,
            pl.col("outcome") != "unavailable",
            pl.col("captured_at_utc") > instant + SAME_MOMENT,
        )
        newest = rows["captured_at_utc"].max()
        return newest if isinstance(newest, datetime) else None

    def body(self, source: str, checksum: str) -> bytes:
        """The body with this checksum, as it came.

        Raises:
            ContractError: it is not in the store, or the stored bytes are not the ones that were put there.
        """
        files, path = self._files(), _path(source, checksum)
        if files.get_file_info(path).type != fs.FileType.File:
            raise ContractError(
                f"no captured body {checksum} of {source}: bodies are removed after `retention.capture_days`"
            )
        with files.open_input_stream(path, compression=None) as stream:
            packed = stream.read()
        try:
            body = gzip.decompress(packed)
        except (OSError, EOFError) as error:
            raise ContractError(f"captured body {checksum} of {source} is damaged: {error}") from error
        if hashlib.sha256(body).hexdigest() != checksum:
            raise ContractError(f"captured body {checksum} of {source} does not match its checksum")
        return body

    def purge(self, before: datetime) -> int:
        """Remove bodies that were last captured before an instant; returns how many. Their rows stay."""
        stored = self.lake.stored(CAPTURES.name)
        delta = stored.open()
        if delta is None:
            return 0
        captured = (
            stored.rows(delta)
            .filter(pl.col("body_sha256") != "")
            .group_by("source", "body_sha256")
            .agg(pl.col("captured_at_utc").max())
            .filter(pl.col("captured_at_utc") < before)
            .collect()
        )
        files, n_removed = self._files(), 0
        for source, checksum in captured.select("source", "body_sha256").iter_rows():
            path = _path(source, checksum)
            if files.get_file_info(path).type == fs.FileType.File:
                files.delete_file(path)
                n_removed += 1
        return n_removed

    def _keep(self, source: str, body: bytes) -> str:
        if len(body) > MAXIMUM_BYTES:
            raise ContractError(f"a body of {len(body)} bytes is not captured: at most {MAXIMUM_BYTES}")
        checksum = hashlib.sha256(body).hexdigest()
        files, path = self._files(), _path(source, checksum)
        if files.get_file_info(path).type == fs.FileType.File:
            return checksum
        files.create_dir(path.rpartition("/")[0], recursive=True)
        beside = f"{path}.{uuid4().hex}.part"
        with files.open_output_stream(beside, compression=None) as stream:
            stream.write(gzip.compress(body, mtime=0))
        # Complete or not at all: a kill in between leaves a part file that nobody reads.
        files.move(beside, path)
        return checksum

    def _files(self) -> fs.FileSystem:
        options = with_credentials(self.lake.uri, self.lake.storage_options)
        return files_below(f"{self.lake.uri.rstrip('/')}/captured_bodies", options)


def _path(source: str, checksum: str) -> str:
    return f"{source}/{checksum[:2]}/{checksum}.gz"
