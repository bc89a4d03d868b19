#!/usr/bin/env bash
# Installs what the deploy test needs on Debian: podman and its parts, a registry for loopback, and
# podman-compose in the folder that is named. Needs root.
#   deploy/test/install.sh FOLDER
set -euo pipefail
folder=${1:?usage: install.sh FOLDER}
declare -A tools=([podman]=podman [mmdebstrap]=mmdebstrap [runc]=runc [docker-registry]=docker-registry
  [iptables]=iptables [curl]=curl [git]=git)
missing=()
for tool in "${!tools[@]}"; do
  command -v "$tool" >/dev/null || missing+=("${tools[$tool]}")
done
[ -f /usr/share/zoneinfo/Europe/Berlin ] || missing+=(tzdata)
[ -x /usr/lib/podman/netavark ] || missing+=(netavark aardvark-dns)
[ -x /usr/libexec/podman/catatonit ] || missing+=(catatonit) # the init of a container
if ((${#missing[@]})); then
  export DEBIAN_FRONTEND=noninteractive
  patient=(-o Acquire::Retries=3 -o DPkg::Lock::Timeout=120)
  apt-get "${patient[@]}" update -qq
  apt-get "${patient[@]}" install -y -qq --no-install-recommends ca-certificates python3-venv "${missing[@]}" >/dev/null
fi
if [ ! -x "$folder/bin/podman-compose" ]; then
  python3 -m venv "$folder"
  "$folder/bin/pip" install --quiet --disable-pip-version-check --no-deps --require-hashes \
    --requirement "$(dirname "$0")/../compose/requirements.txt"
fi
