"""Model files of somebody who means harm: past their checksum they take no memory and no trace."""

import io
import json
import struct
import time
import tracemalloc
import zipfile
from collections.abc import Mapping

import numpy as np
import pytest

from spot.errors import ModelIntegrityError
from spot.forecast.days.bounded import MAXIMUM_ARRAYS, bounded_arrays, bounded_json
from spot.forecast.days.files import SETTINGS_FILE, STATE_FILE, pack_arrays, unpack_arrays, unpack_settings
from spot.forecast.members import forecaster_from_files
from spot.strategy.spread.model import CatBoostSpread
from tests.spot.forecast.test_members import fitted
from tests.support.panels import made_up_panel

MEGABYTE = 1024 * 1024


@pytest.fixture(scope="module")
def naive() -> Mapping[str, bytes]:
    return dict(fitted("naive", made_up_panel(60)).to_files())


def npy(shape: tuple[int, ...], dtype: str = "<f8", data: bytes = b"") -> bytes:
    """A file of one array that says that it has this shape."""
    head = f"{{'descr': '{dtype}', 'fortran_order': False, 'shape': {shape}, }}\n".encode()
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head + data


def npz(*members: bytes, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", method) as archive:
        for at, content in enumerate(members):
            archive.writestr(f"a{at}.npy", content)
    return packed.getvalue()


def lies_about_its_size(content: bytes, stated: int) -> bytes:
    """An archive whose directory states another size of its member."""
    at = content.index(b"PK\x01\x02")
    return content[: at + 24] + struct.pack("<I", stated) + content[at + 28 :]


HOSTILE = {
    "4 GB by the header": lambda: npz(npy((1 << 29,))),
    "a product beyond 64 bits": lambda: npz(npy((1 << 40, 1 << 40))),
    "a negative length": lambda: npz(npy((-1, 2))),
    "objects": lambda: npz(npy((1,), "|O", b"x" * 8)),
    "600 MB by the directory": lambda: lies_about_its_size(npz(npy((75 << 20,))), 600 * MEGABYTE + 118),
    "50 MB that says 90 bytes": lambda: lies_about_its_size(npz(npy((50,), data=bytes(50 * MEGABYTE))), 90),
    "4 GB by the directory": lambda: lies_about_its_size(npz(npy((1,), data=bytes(8))), 0xFFFFFFF0),
    "many arrays": lambda: npz(*[npy((0,))] * (MAXIMUM_ARRAYS + 1)),
    "a deep header": lambda: npz(b"\x93NUMPY\x01\x00" + struct.pack("<H", 9000) + b"(" * 9000),
    "another packing": lambda: npz(npy((1,), data=bytes(8)), method=zipfile.ZIP_LZMA),
    "no archive": lambda: b"PK\x03\x04" + bytes(100),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_an_archive_of_arrays_is_refused_before_memory_is_taken(case: str) -> None:
    content = HOSTILE[case]()
    tracemalloc.start()
    started = time.process_time()
    with pytest.raises(ModelIntegrityError, match=STATE_FILE):
        unpack_arrays({STATE_FILE: content})
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 20 * MEGABYTE
    assert time.process_time() - started < 2


def test_arrays_come_back_as_they_were() -> None:
    arrays = {"a": np.arange(6.0).reshape(2, 3), "b": np.array("DE_LU"), "c": np.zeros((0, 24))}
    back = bounded_arrays(pack_arrays(arrays), "a test")
    assert {name: array.tolist() for name, array in back.items()} == {
        name: array.tolist() for name, array in arrays.items()
    }


@pytest.mark.parametrize(
    "content",
    [
        b'{"a": "' + b"x" * (300 * MEGABYTE) + b'"}',
        b"[" * 200_000 + b"]" * 200_000,
        b"[" * 90_000,
        b'{"a": [' + b"0," * 200_000 + b"0]}",
        b'{"a": ' + b"9" * 5000 + b"}",
        b"\xff\xfe",
    ],
    ids=["300 MB", "200,000 deep", "90,000 deep", "many values", "a long number", "no text"],
)
def test_settings_of_a_model_are_bounded(content: bytes) -> None:
    with pytest.raises(ModelIntegrityError, match=SETTINGS_FILE):
        unpack_settings({SETTINGS_FILE: content})
    with pytest.raises(ModelIntegrityError, match=r"spread_model\.json"):
        CatBoostSpread.from_files({"spread_model.json": content, "spread_model.cbm": b""})
    assert bounded_json(b'{"a": [1]}', "a test") == {"a": [1]}


def test_a_state_with_arrays_that_do_not_fit_is_refused(naive: Mapping[str, bytes]) -> None:
    arrays = unpack_arrays(naive)
    wrong = {
        "grid.days": np.zeros(3 * 10**6, dtype=np.int64),
        "grid.prices": np.zeros((60, 23)),
        "grid.quarter_rows": np.array([10**9]),
        "grid.holiday_fraction": np.zeros((2, 2, 2)),
        "n_fitted": np.array([1, 2]),
    }
    for name, array in wrong.items():
        files = {**naive, STATE_FILE: pack_arrays({**arrays, name: array})}
        if name == "grid.days":
            files[STATE_FILE] = pack_arrays(
                {**arrays, name: array, "grid.prices": np.zeros((3 * 10**6, 24), "i1")}
            )
        if name == "grid.quarter_rows":
            more = {**arrays, name: array, "grid.deviations": np.zeros((1, 24, 4))}
            files[STATE_FILE] = pack_arrays(more)
        with pytest.raises(ModelIntegrityError):
            forecaster_from_files(files)
    for name in arrays:
        left = {key: array for key, array in arrays.items() if key != name}
        if not name.startswith("grid.input.") and not name.startswith("anchors."):
            with pytest.raises(ModelIntegrityError):
                forecaster_from_files({**naive, STATE_FILE: pack_arrays(left)})


@pytest.mark.parametrize("name", ["windows", "levels", "name", "kind"])
def test_settings_that_do_not_fit_are_refused(naive: Mapping[str, bytes], name: str) -> None:
    settings = unpack_settings(naive)
    odd_values: tuple[object, ...] = ([], {}, "x" * 1000, 10**300, None, [[[1]]])
    for odd in odd_values:
        content = json.dumps({**settings, name: odd}).encode()
        with pytest.raises(ModelIntegrityError):
            forecaster_from_files({**naive, SETTINGS_FILE: content})
