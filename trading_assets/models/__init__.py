"""Assets of a model's life: training set, model, evaluation, champion."""
