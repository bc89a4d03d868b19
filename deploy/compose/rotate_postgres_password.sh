#!/usr/bin/env bash
# Gives the database of this host another password while the desk works. Run it as root.
#   deploy/compose/rotate_postgres_password.sh
# Every new connection reads the files of the secrets, so no service starts anew. A call that was cut is made
# again: it goes on with the password that it had begun with.
set -euo pipefail
cd "$(dirname "$0")"
source ./engine.sh
folder=$SPOTDESK_SECRETS
next=$folder/.postgres_password.next
[ -s "$next" ] || (umask 077 && head -c 32 /dev/urandom | base64 | tr -d '/+=\n' >"$next")
password=$(cat "$next")

# ask SQL, as the user of the desk with the password in the first line of the standard input.
ask() {
  "$ENGINE" exec --interactive "$(container postgres)" sh -c 'read -r PGPASSWORD; export PGPASSWORD
    exec psql --quiet --no-psqlrc --set ON_ERROR_STOP=1 --host 127.0.0.1 --username spotdesk --dbname dagster'
}
change="ALTER ROLE spotdesk PASSWORD '$password';"
printf '%s\n%s\n' "$(cat "$folder/postgres_password")" "$change" | ask 2>/dev/null ||
  printf '%s\n%s\n' "$password" "$change" | ask || { echo "the database takes neither password" >&2; exit 1; }
# Written into the same files: containers hold these, and would not see others under their names.
printf '%s' "$password" >"$folder/postgres_password"
echo "postgres:5432:*:spotdesk:$password" >"$folder/pgpass"
for service in code mlflow; do
  "$ENGINE" exec "$(container "$service")" python -c '
import psycopg2
psycopg2.connect("postgresql://spotdesk@postgres/dagster", connect_timeout=10).close()'
done
rm "$next"
echo "the database has another password, and new connections use it"
