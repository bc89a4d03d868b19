#!/usr/bin/env bash
# The image before the last upgrade serves again.
#   deploy/compose/roll_back.sh
# It does not ask whether that image reads what serves: it did so before, and a way back is not refused.
set -euo pipefail
cd "$(dirname "$0")"
[ -s previous ] || { echo "no upgrade was made here: name an image with upgrade.sh" >&2; exit 2; }
FORCE=1 exec ./upgrade.sh "$(cat previous)"
