#!/usr/bin/env bash
# Watches the desk of this host after a deployment, and fails as soon as it is not well.
#   WATCH_MINUTES=10 deploy/compose/watch.sh
set -euo pipefail
cd "$(dirname "$0")"
source ./engine.sh

figures() { "$ENGINE" exec "$(container code)" spotdesk metrics; }
figure() { awk -v name="$1" '$1 == name {print $2; found = 1} END {exit !found}' <<<"$now"; }
fail() { echo "the desk is not well: $*" >&2; exit 1; }

end=$((SECONDS + ${WATCH_MINUTES:-10} * 60))
before=
while :; do
  for service in $SERVICES; do
    is_healthy "$(container "$service")" || fail "$service is not healthy"
  done
  now=$(figures)
  [ "$(figure spotdesk_up)" = 1.0 ] || fail "its tables or settings cannot be read"
  silent=$(figure spotdesk_daemon_silent_seconds) || fail "no daemon has ever given a sign of life"
  [ "${silent%.*}" -lt 90 ] || fail "the daemon is silent for $silent seconds"
  failed=$(figure 'spotdesk_runs{state="failed_24h"}')
  [ "${failed%.*}" -le "${before:=${failed%.*}}" ] || fail "a run has failed"
  ((SECONDS < end)) || break
  sleep 15
done
echo "the desk was well for ${WATCH_MINUTES:-10} minutes"
