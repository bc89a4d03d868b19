#!/usr/bin/env bash
# Makes the secrets of the services that are missing; one that exists is never changed. Run it as root.
#   deploy/compose/secrets.sh
# Each file belongs to the user of the container that reads it: 10001 is the desk.
set -euo pipefail
cd "$(dirname "$0")"
folder=${SPOTDESK_SECRETS:-$PWD/secrets}
mkdir -p -m 711 "$folder"

random() { head -c 32 /dev/urandom | base64 | tr -d '/+=\n'; }

# keep FILE OWNER: the standard input as a file that OWNER alone reads.
keep() {
  (umask 077 && cat >"$folder/.$1" && chown "$2" "$folder/.$1" && mv "$folder/.$1" "$folder/$1")
}

if [ ! -f "$folder/postgres_password" ]; then
  random | keep postgres_password "${POSTGRES_UID:-999}"
fi
if [ ! -f "$folder/pgpass" ]; then
  echo "postgres:5432:*:spotdesk:$(cat "$folder/postgres_password")" | keep pgpass 10001
fi
if [ ! -f "$folder/admin_password" ]; then
  random | keep admin_password 10001
fi
