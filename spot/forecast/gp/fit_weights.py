"""Kernel weights of a bank, fitted on a history.

Every second window, the longest among them, is fitted. The others keep the prior. Fitted and prior weights
err in different places: on days that the fit has not seen, the bank is as good as with all windows fitted, at
half the cost.
"""

import numpy as np

from spot.forecast.days.anchors import Anchors
from spot.forecast.days.features import WARM_UP_DAYS, FeatureBuilder, FilledHistory, NormalisationWindow
from spot.forecast.gp.bank import transformed_outcomes
from spot.forecast.gp.growing_factor import BLANK_NOISE
from spot.forecast.gp.hyper_parameters import GradientSettings, fit_weights
from spot.forecast.gp.kernel import KernelWeights, prior_kernel_weights
from spot.forecast.gp.kernel_gradient import GradientWorkspace, PriceTargets


def fit_bank_weights(
    history: FilledHistory,
    anchors: Anchors,
    windows: tuple[NormalisationWindow, ...],
    settings: GradientSettings,
) -> dict[int, KernelWeights]:
    """Index of every second window to the weights that forecast the newest days of `history` best."""
    rows = slice(WARM_UP_DAYS, len(history))
    builder = FeatureBuilder(history, anchors, rows)
    known = history.is_known[rows]
    n_days = len(known)
    counts = known & (np.arange(n_days) >= n_days - min(settings.validation_days, n_days // 2))
    fitted: dict[int, KernelWeights] = {}
    for index in range((len(windows) - 1) % 2, len(windows), 2):
        window = windows[index]
        features = builder.build(window)
        prior = prior_kernel_weights(window, features)
        space = GradientWorkspace(
            features.stacked(prior.groups), [features.groups[name].shape[1] for name in prior.groups]
        )
        targets = PriceTargets(
            outcomes=transformed_outcomes(history, features, rows),
            prices=history.prices[rows],
            centre=features.centre,
            spread=features.spread,
            weight=counts.astype(np.float64),
            noise_factor=np.where(known, 1.0, BLANK_NOISE / prior.noise).astype(np.float32),
        )
        fitted[index] = fit_weights(space, prior, targets, settings)
    return fitted
