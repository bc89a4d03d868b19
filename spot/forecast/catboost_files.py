"""CatBoost models to bytes of the library's own format and back."""

import tempfile
from pathlib import Path
from typing import Any

from spot.errors import ModelIntegrityError


def save_catboost(model: Any) -> bytes:
    """The model in the format .cbm."""
    with tempfile.TemporaryDirectory() as folder:  # the library writes its format to a path only
        path = Path(folder) / "model.cbm"
        model.save_model(str(path))
        return path.read_bytes()


def load_catboost(blob: bytes) -> Any:
    """A CatBoost model of its own format.

    Raises:
        ModelIntegrityError: the bytes are not such a model.
    """
    from catboost import CatBoostError, CatBoostRegressor

    try:
        return CatBoostRegressor().load_model(blob=blob)
    except (CatBoostError, ValueError) as error:
        raise ModelIntegrityError(f"CatBoost model is not readable: {error}") from error
