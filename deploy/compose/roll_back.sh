#!/usr/bin/env bash
# The image before the last upgrade serves again.
#   deploy/compose/roll_back.sh
set -euo pipefail
cd "$(dirname "$0")"
[ -s previous ] || { echo "no upgrade was made here: name an image with upgrade.sh" >&2; exit 2; }
exec ./upgrade.sh "$(cat previous)"
