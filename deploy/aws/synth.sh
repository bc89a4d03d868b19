#!/usr/bin/env bash
# Writes the CloudFormation template of a desk on AWS into a folder, without an account, and checks it.
#   deploy/aws/synth.sh FOLDER
# Needs Node. The environment of the CDK stays in the cache, so a second call takes seconds.
set -euo pipefail
folder=${1:?usage: synth.sh FOLDER}
here=$(cd "$(dirname "$0")" && pwd)
command -v node >/dev/null || { echo "Node is missing: apt-get install nodejs" >&2; exit 2; }
lock=$(sha256sum "$here/requirements.txt" | cut -c1-12)
tools=${XDG_CACHE_HOME:-$HOME/.cache}/spotdesk-cdk-$lock
if [ ! -e "$tools/.installed" ]; then
  python3 -m venv "$tools"
  "$tools/bin/pip" install --quiet --disable-pip-version-check --no-deps --require-hashes --requirement "$here/requirements.txt"
  touch "$tools/.installed"
fi
mkdir -p "$folder"
JSII_SILENCE_WARNING_DEPRECATED_NODE_VERSION=1 JSII_SILENCE_WARNING_UNTESTED_NODE_VERSION=1 \
  "$tools/bin/python" "$here/app.py" "$folder"
"$here/../../.venv/bin/cfn-lint" --non-zero-exit-code error "$folder/spotdesk.template.json"
