"""The base of all settings that people write: what is misspelt or not a number is refused."""

from pydantic import BaseModel, ConfigDict


class StrictSettings(BaseModel):
    """Settings that never change, know their names, and hold finite numbers only."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
