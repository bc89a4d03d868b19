#!/usr/bin/env bash
# Makes the desk of this host from a backup of back_up.sh. Run it as root, where no desk is.
#   SPOTDESK_IMAGE=... deploy/compose/restore.sh FOLDER
# It refuses a folder that is not whole and a host that has a desk. The restored desk is another desk: halted, on
# paper, with a user `admin` of its own. Runs that were under way are marked as canceled.
set -euo pipefail
folder=$(realpath "${1:?usage: restore.sh FOLDER}")
cd "$(dirname "$0")"
source ./engine.sh
: "${SPOTDESK_IMAGE:?set it to the image, by digest}"
(cd "$folder" && sha256sum --check --quiet SHA256SUMS) || { echo "$folder is not a whole backup" >&2; exit 2; }

./secrets.sh
compose up --detach postgres
wait_for postgres
desk() { compose run --rm --no-deps -T "$@"; }
tables() { in_postgres psql --no-psqlrc --tuples-only --no-align --dbname "$1" \
  --command "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"; }
for database in dagster mlflow; do
  [ "$(tables "$database")" = 0 ] || { echo "this host has a desk: its database $database is not empty" >&2; exit 2; }
done
! desk code test -e /desk/desk.json || { echo "this host has a desk in its volume" >&2; exit 2; }
for database in dagster mlflow; do
  in_postgres pg_restore --exit-on-error --no-owner --dbname "$database" <"$folder/$database.dump"
done
desk mlflow true # makes the volume, for the user of the desk
"$ENGINE" run --rm --interactive --network none --user 10001:10001 --volume "$(volume models):/models" \
  "$SPOTDESK_IMAGE" tar -C /models -x -f - <"$folder/models.tar"
lent=$(mktemp -d) # the desk reads files of its own user alone
trap 'rm -rf "$lent"' EXIT
chown 10001:10001 "$lent"
install --owner 10001 --group 10001 --mode 400 "$folder/desk.tar.gz" "$lent/"
desk --volume "$lent:/backup:ro" code spotdesk restore /backup/desk.tar.gz /desk
echo "start it: deploy/compose/up.sh"
