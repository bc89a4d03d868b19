#!/usr/bin/env bash
# Replaces the image of the desk, and never ends a run to do so.
#   deploy/compose/upgrade.sh IMAGE@sha256:...
# 1. The new image reads every version that serves, or nothing is changed. FORCE=1 skips this.
# 2. The daemon stops: nothing new begins, what waits stays in the queue.
# 3. Runs that are under way end. After DRAIN_SECONDS (default 1800), and GATE_SECONDS (default 300) before a gate
#    closes, the old image goes on and nothing changed. FORCE=1 does not ask for the gate.
# 4. Code, UI and daemon start with the new image. Where one of them is not healthy, the old image comes back.
# The image before is noted in the file `previous`, for roll_back.sh.
set -euo pipefail
cd "$(dirname "$0")"
source ./engine.sh
new=${1:?usage: upgrade.sh IMAGE@sha256:DIGEST}
[[ $new == *@sha256:* || $new == sha256:* ]] || { echo "name the image by its digest: IMAGE@sha256:..." >&2; exit 2; }
old=$("$ENGINE" inspect --format '{{.Config.Image}}' "$(container code)")
"$ENGINE" image inspect "$new" >/dev/null 2>&1 || "$ENGINE" pull ${PULL_OPTIONS:-} "$new" >/dev/null

n_under_way() {
  "$ENGINE" exec "$(container code)" python -m resources.instance.under_way
}

# start IMAGE: the services of the desk, new, and healthy.
start() {
  export SPOTDESK_IMAGE=$1
  start_services --force-recreate
}

# reads_what_serves IMAGE: in a container of its own, with the volumes, network and settings of the one that serves.
# It has no name of a service in the network, so nobody takes it for one; podman lets nothing outside a pod share
# the network of a container inside.
reads_what_serves() {
  local code network
  code=$(container code)
  network=$("$ENGINE" inspect --format '{{range $name, $_ := .NetworkSettings.Networks}}{{println $name}}{{end}}' "$code" | head -1)
  "$ENGINE" run --rm --read-only --tmpfs /tmp --cap-drop ALL --security-opt no-new-privileges \
    --network "$network" --volumes-from "$code" \
    --env-file <("$ENGINE" inspect --format '{{range .Config.Env}}{{println .}}{{end}}' "$code" |
      grep -E '^(SPOTDESK|MLFLOW|PG)[A-Z_]*=') \
    "$1" spotdesk models verify
}
# What is left until GATE_SECONDS before the next gate, or DRAIN_SECONDS where that is less.
patience=${DRAIN_SECONDS:-1800}
begun=$SECONDS
if [ "${FORCE:-}" != 1 ]; then
  left=$("$ENGINE" exec "$(container code)" python -m desk.watch.next_gate 2>/dev/null) ||
    echo "$old does not say when a gate closes: it is not waited for" >&2
  if [ -n "$left" ]; then
    ((left > ${GATE_SECONDS:-300})) || { echo "a gate closes in $left s: nothing was changed" >&2; exit 1; }
    ((left - ${GATE_SECONDS:-300} > patience)) || patience=$((left - ${GATE_SECONDS:-300}))
  fi
fi
if [ "${FORCE:-}" != 1 ] && ! reads_what_serves "$new"; then
  echo "$new does not read this desk or a version that serves: nothing was changed" >&2
  exit 1
fi

"$ENGINE" stop --time 60 "$(container daemon)" >/dev/null
deadline=$((begun + patience))
while n=$(n_under_way) && [ "$n" -gt 0 ]; do
  if ((SECONDS >= deadline)); then
    "$ENGINE" start "$(container daemon)" >/dev/null
    echo "$n runs are still under way: nothing was changed; try again after the gate, or set DRAIN_SECONDS" >&2
    exit 1
  fi
  sleep 2
done

if start "$new"; then
  echo "$old" >previous
  echo "the desk runs $new"
else
  echo "$new is not healthy: $old comes back" >&2
  start "$old"
  exit 1
fi
