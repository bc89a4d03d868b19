#!/usr/bin/env bash
# Starts the desk on this host: makes what is missing, starts every service, waits until each is healthy.
#   deploy/compose/up.sh
# SPOTDESK_IMAGE names the image; ZONES (default: DE_LU) and SOURCE (default: simulated) are for a new desk.
# Secrets lie in deploy/compose/secrets, or in the folder SPOTDESK_SECRETS.
set -euo pipefail
cd "$(dirname "$0")"
source ./engine.sh
: "${SPOTDESK_IMAGE:?set it to the image, by digest}"

./secrets.sh
compose up --detach postgres
wait_for postgres
compose up --detach mlflow
desk() { compose run --rm --no-deps -T "$@"; }
if ! desk code test -f /desk/desk.json; then
  zones=()
  for zone in ${ZONES:-DE_LU}; do zones+=(--zone "$zone"); done
  desk code spotdesk init /desk "${zones[@]}" --source "${SOURCE:-simulated}"
fi
if ! desk code spotdesk users list --json | grep -q '"name"'; then
  desk --volume "$SPOTDESK_SECRETS/admin_password:/run/secrets/admin_password:ro" code \
    spotdesk users add admin --role admin --password-file /run/secrets/admin_password
fi
start_services
echo "the desk is up: http://127.0.0.1:${SPOTDESK_PORT:-3000}, user admin, password in $SPOTDESK_SECRETS/admin_password"
