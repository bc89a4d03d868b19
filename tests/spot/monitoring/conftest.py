"""NannyML reports its use over the network unless this is set before its import."""

import os

os.environ["NML_DISABLE_USAGE_LOGGING"] = "1"
