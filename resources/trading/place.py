"""A place elsewhere that small files are written to and read from: a folder, or a prefix on S3.

Whatever hangs there is left behind after a bounded time.
"""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import unquote

from resources.files import read_regular, write_whole
from spot.errors import SourceUnavailableError

REQUEST_SECONDS = 2.0
"""Longest wait of one request to S3."""
_HANGING: dict[str, threading.Thread] = {}
"""A question that does not come back, for example on a network disk that is gone: none is asked beside it."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Place:
    """The files below `uri`, a folder (`file://` or a path) or an address on S3."""

    uri: str
    options: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Region, endpoint and keys of S3, as AWS names them; what is missing the machine or its role knows."""

    def read(self, name: str, maximum_bytes: int) -> bytes:
        """The content of a file, at most `maximum_bytes` and one of it.

        Raises:
            FileNotFoundError: there is no such file.
            SourceUnavailableError: there is no such folder.
            OSError: it cannot be read.
        """
        if not self._is_on_s3:
            return read_regular(self._existing() / name, maximum_bytes)
        files, folder = self._s3()
        with files.open_input_stream(f"{folder}/{name}") as stream:
            content: bytes = stream.read(maximum_bytes + 1)
        return content

    def write(self, name: str, content: bytes) -> None:
        """Write a file, whole and on disk.

        Raises:
            OSError: it cannot be written.
        """
        if not self._is_on_s3:
            write_whole(self._folder / name, content, durable=True)
            return
        files, folder = self._s3()
        with files.open_output_stream(f"{folder}/{name}") as stream:
            stream.write(content)

    def names(self) -> list[str]:
        """Names of the files, in alphabetical order.

        Raises:
            SourceUnavailableError: there is no such folder.
            OSError: they cannot be listed.
        """
        if not self._is_on_s3:
            return sorted(path.name for path in self._existing().iterdir())
        from pyarrow import fs

        files, folder = self._s3()
        return sorted(
            one.base_name for one in files.get_file_info(fs.FileSelector(folder, allow_not_found=True))
        )

    @property
    def _is_on_s3(self) -> bool:
        return self.uri.startswith("s3://")

    @property
    def _folder(self) -> Path:
        return Path(unquote(self.uri.removeprefix("file://")))

    def _existing(self) -> Path:
        if not self._folder.is_dir():
            raise SourceUnavailableError(f"{self.uri} is no folder that can be read")
        return self._folder

    def _s3(self) -> tuple[Any, str]:
        from pyarrow import fs

        given = {
            "access_key": self.options.get("AWS_ACCESS_KEY_ID"),
            "secret_key": self.options.get("AWS_SECRET_ACCESS_KEY"),
            "session_token": self.options.get("AWS_SESSION_TOKEN"),
            "region": self.options.get("AWS_REGION"),
            "endpoint_override": self.options.get("AWS_ENDPOINT_URL"),
        }
        files = fs.S3FileSystem(
            **{name: value for name, value in given.items() if value},
            connect_timeout=REQUEST_SECONDS,
            request_timeout=REQUEST_SECONDS,
        )
        return files, self.uri.removeprefix("s3://").rstrip("/")


def within(seconds: float, uri: str, ask: Callable[[], T]) -> T:
    """The answer of `ask`; the thread of a question that hangs is left behind.

    Raises:
        SourceUnavailableError: there was an error, or no answer within the time, or an earlier question about
            `uri` still hangs.
    """
    hanging = _HANGING.get(uri)
    if hanging is not None and hanging.is_alive():
        raise SourceUnavailableError(f"{uri} has not answered an earlier request yet")
    answers: list[T] = []
    errors: list[Exception] = []

    def run() -> None:
        try:
            answers.append(ask())
        except Exception as error:  # noqa: BLE001 - whatever it is, the answer is no
            errors.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(seconds)
    if answers:
        return answers[0]
    if errors:
        raise SourceUnavailableError(f"{uri} cannot be read or written: {errors[0]}") from errors[0]
    _HANGING[uri] = thread
    raise SourceUnavailableError(f"{uri} did not answer within {seconds:g} s")
