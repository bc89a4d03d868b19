"""Gaussian processes over days: kernels, hyper-parameters, and the bank that fits and updates them."""
