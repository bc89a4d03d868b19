"""Reading arrays and settings of a stored model within bounds, which hold before memory is taken.

A checksum says that a file is the one that was registered. It does not say that whoever made it meant well.

Arrays have the units that the model gave them; here they are without unit.
"""

import io
import json
import math
import tokenize
import zipfile
import zlib
from typing import Any

import numpy as np
import numpy.typing as npt

from spot.errors import ModelIntegrityError

MAXIMUM_ARRAY_BYTES = 512 * 1024 * 1024
"""Of all arrays of a model together. Six years of days and a bank of factors have 40 million."""
MAXIMUM_ARRAYS = 1000
"""The engine with all its parts has about 100. Chosen by hand."""
MAXIMUM_SETTINGS_BYTES = 1024 * 1024
"""Settings have about one thousand. Chosen by hand."""
_MAXIMUM_VALUES = 100_000
"""Values of a JSON file. Chosen by hand."""
_LONGEST_HEADER_BYTES = 16 * 1024
"""NumPy writes headers of 128. Chosen by hand."""
_UNREADABLE = (
    ValueError,
    OSError,
    EOFError,
    KeyError,
    NotImplementedError,
    RuntimeError,
    zipfile.BadZipFile,
    zlib.error,
    tokenize.TokenError,
)
"""RecursionError is a RuntimeError, and so is what `zipfile` says of an encrypted member."""


def bounded_json(content: bytes, name: str) -> Any:
    """The value of a JSON file of a model.

    Raises:
        ModelIntegrityError: it is not JSON, above 1 MB, has too many values or is nested too deeply.
    """
    if len(content) > MAXIMUM_SETTINGS_BYTES:
        raise ModelIntegrityError(
            f"model file {name} has {len(content)} bytes, at most {MAXIMUM_SETTINGS_BYTES} are read"
        )
    if sum(content.count(mark) for mark in (b",", b"[", b"{")) > _MAXIMUM_VALUES:
        raise ModelIntegrityError(f"model file {name} has more than {_MAXIMUM_VALUES} values")
    try:
        return json.loads(content)
    except RecursionError:
        raise ModelIntegrityError(f"model file {name} is nested too deeply") from None
    except ValueError as error:  # covers UnicodeDecodeError and JSONDecodeError
        raise ModelIntegrityError(f"model file {name} is not readable: {error}") from error


def bounded_arrays(content: bytes, name: str) -> dict[str, npt.NDArray[Any]]:
    """The arrays of an npz file of a model, of any shape: `(days,)`, `(days, 24)`.

    Raises:
        ModelIntegrityError: it is no such file, holds objects, or says that it has more than
            `MAXIMUM_ARRAY_BYTES`.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            return {one.filename.removesuffix(".npy"): _array(archive, one) for one in _members(archive)}
    except _UNREADABLE as error:
        raise ModelIntegrityError(f"model file {name} is not readable: {error}") from error


def _members(archive: zipfile.ZipFile) -> list[zipfile.ZipInfo]:
    """The members, whose number, packing and stated sizes are within bounds."""
    members = archive.infolist()
    if len(members) > MAXIMUM_ARRAYS:
        raise ValueError(f"{len(members)} arrays, at most {MAXIMUM_ARRAYS} are read")
    if any(one.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED) for one in members):
        raise ValueError("an array is packed in an unusual way")
    if sum(one.file_size for one in members) > MAXIMUM_ARRAY_BYTES:
        raise ValueError(f"arrays of more than {MAXIMUM_ARRAY_BYTES} bytes")
    return members


def _array(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> npt.NDArray[Any]:
    """One array. Its header must fit the size that the archive states, before its data is read."""
    with archive.open(member) as stream:
        head = io.BytesIO(stream.read(_LONGEST_HEADER_BYTES))
    version = np.lib.format.read_magic(head)
    read_header = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }.get(version)
    if read_header is None:
        raise ValueError(f"array {member.filename} is of version {version}")
    shape, _, dtype = read_header(head)
    if dtype.hasobject or any(length < 0 for length in shape):
        raise ValueError(f"array {member.filename} holds objects or has a negative length")
    stated = math.prod(shape) * dtype.itemsize + head.tell()
    if stated != member.file_size:
        raise ValueError(
            f"array {member.filename} of shape {shape} needs {stated} bytes, its file has {member.file_size}"
        )
    with archive.open(member) as stream:
        array: npt.NDArray[Any] = np.lib.format.read_array(stream, allow_pickle=False)
    return array
