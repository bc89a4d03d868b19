#!/usr/bin/env bash
# Writes the whole desk of this host into a new folder while its runs go on. Run it as root.
#   deploy/compose/back_up.sh FOLDER
# desk.tar.gz is `spotdesk backup`: settings, tables, state. The records of Dagster and MLflow are dumps of their
# databases; models.tar are the files of models, read after the records that name them. Secrets, users and keys
# are in none of it. SHA256SUMS is written last: a folder without it is not a whole backup.
set -euo pipefail
folder=$(realpath -m "${1:?usage: back_up.sh FOLDER}")
cd "$(dirname "$0")"
source ./engine.sh
[ ! -e "$folder" ] || { echo "$folder exists: name a new folder" >&2; exit 2; }
SPOTDESK_IMAGE=${SPOTDESK_IMAGE:-$("$ENGINE" inspect --format '{{.Config.Image}}' "$(container code)")}
export SPOTDESK_IMAGE
umask 077
mkdir -p "$folder/desk" && chown 10001:10001 "$folder/desk"

# A container of its own: nothing of it weighs on a run, and it sees no folder of this host but the backup.
compose run --rm --no-deps -T --volume "$folder/desk:/backup" code spotdesk backup /backup/desk.tar.gz
mv "$folder/desk/desk.tar.gz" "$folder/" && rmdir "$folder/desk"
for database in dagster mlflow; do
  in_postgres pg_dump --format custom --dbname "$database" >"$folder/$database.dump"
done
"$ENGINE" exec "$(container mlflow)" tar -C /models -c -f - . >"$folder/models.tar"
cd "$folder"
sha256sum desk.tar.gz dagster.dump mlflow.dump models.tar >SHA256SUMS.part
mv SHA256SUMS.part SHA256SUMS
du --human-readable --apparent-size -- *
