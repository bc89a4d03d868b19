"""The base of all settings that people write: misspelt names and values that are not numbers are refused."""

from pydantic import BaseModel, ConfigDict


class StrictSettings(BaseModel):
    """Settings that are frozen, refuse unknown names, and hold finite numbers only."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
