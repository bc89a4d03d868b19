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


def load_catboost(blob: bytes, columns: tuple[str, ...]) -> Any:
    """A CatBoost model of its own format that reads a table of these columns.

    Raises:
        ModelIntegrityError: the bytes are not such a model, or it learnt from other columns.
    """
    from catboost import CatBoost, CatBoostError

    try:
        model = CatBoost().load_model(blob=blob)
    except (CatBoostError, ValueError) as error:
        raise ModelIntegrityError(f"CatBoost model is not readable: {error}") from error
    if tuple(model.feature_names_) != columns:
        odd = ", ".join(sorted(set(model.feature_names_) ^ set(columns))) or "another order"
        raise ModelIntegrityError(
            f"CatBoost model learnt from columns other than those of this version of the code ({odd}):"
            " train it anew"
        )
    return model
