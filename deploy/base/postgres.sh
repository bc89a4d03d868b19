#!/bin/sh
# Starts Postgres; the first start makes the cluster, its user and its databases.
set -eu
data=/var/lib/postgresql/data/cluster
if [ ! -s "$data/PG_VERSION" ]; then
  rm -rf "$data"
  initdb --pgdata="$data.new" --username="$POSTGRES_USER" --pwfile="$POSTGRES_PASSWORD_FILE" \
    --auth=scram-sha-256 --data-checksums --encoding=UTF8 --locale=C.UTF-8 >/dev/null
  echo "host all all all scram-sha-256" >>"$data.new/pg_hba.conf"
  pg_ctl --pgdata="$data.new" --wait --silent start \
    --options="-c listen_addresses= -c unix_socket_directories=/tmp" >/dev/null
  export PGPASSWORD="$(cat "$POSTGRES_PASSWORD_FILE")" PGHOST=/tmp PGUSER="$POSTGRES_USER"
  createdb "$POSTGRES_DB"
  for file in /docker-entrypoint-initdb.d/*.sql; do
    [ ! -f "$file" ] || psql --quiet --no-psqlrc --set=ON_ERROR_STOP=1 --dbname="$POSTGRES_DB" --file="$file"
  done
  unset PGPASSWORD
  pg_ctl --pgdata="$data.new" --wait --silent --mode=fast stop
  mv "$data.new" "$data" # a start that was killed before this line begins again
fi
exec postgres -D "$data" -c 'listen_addresses=*' -c unix_socket_directories=/tmp
