"""The settings that all CatBoost models share, and the library's parameters from them.

Source: Prokhorenkova et al. (2018), "CatBoost: unbiased boosting with categorical features".
"""

from collections.abc import Sequence
from typing import Annotated, Any

from pydantic import Field

from spot.strict_settings import StrictSettings

Iterations = Annotated[int, Field(ge=1)]
Depth = Annotated[int, Field(ge=1, le=12)]
LearningRate = Annotated[float, Field(gt=0)]
LeafRegularisation = Annotated[float, Field(ge=0)]
BorderCount = Annotated[int, Field(ge=2, le=254)]


class BoostingSettings(StrictSettings):
    """Settings that every boosted model has. Each model has its own defaults."""

    iterations: Iterations
    depth: Depth
    learning_rate: LearningRate
    l2_leaf_reg: LeafRegularisation
    border_count: BorderCount

    def parameters(self, loss_function: str) -> dict[str, Any]:
        """Parameters of CatBoost. One thread, so that every run gives the same bits.

        CatBoost then writes no files and no log of its own.
        """
        return {
            "loss_function": loss_function,
            "iterations": self.iterations,
            "depth": self.depth,
            "learning_rate": self.learning_rate,
            "l2_leaf_reg": self.l2_leaf_reg,
            "border_count": self.border_count,
            "thread_count": 1,
            "allow_writing_files": False,
            "verbose": False,
        }


def multi_quantile(levels: Sequence[float]) -> str:
    """The loss of one model for all quantile `levels`."""
    return f"MultiQuantile:alpha={','.join(str(level) for level in levels)}"
