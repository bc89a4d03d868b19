"""Settings: the environment, the desk's zones, policies, risk limits, code version."""
