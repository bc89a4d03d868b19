# Sourced by the scripts beside it: which engine and which compose, and how to wait for a service.
ENGINE=${ENGINE:-$(command -v podman || command -v docker)} || { echo "install podman or docker" >&2; exit 2; }
if [ -z "${COMPOSE:-}" ]; then
  case $ENGINE in
    *podman*) COMPOSE=podman-compose ;;
    *) COMPOSE="$ENGINE compose" ;;
  esac
fi
export COMPOSE_FILE=${COMPOSE_FILE:-compose.yaml} COMPOSE_PROJECT_NAME=${COMPOSE_PROJECT_NAME:-spotdesk}
export SPOTDESK_SECRETS=${SPOTDESK_SECRETS:-$PWD/secrets}

# What runs the image of the desk, in the order of its start: first what the others ask.
ASKED="mlflow code" REST="web daemon watch screen"
SERVICES="$ASKED $REST"

compose() { $COMPOSE "$@"; }

# The container of a service, whichever sign its compose joins the words of a name with.
container() { "$ENGINE" ps --all --format '{{.Names}}' | grep -E "^$COMPOSE_PROJECT_NAME[-_]$1[-_]1$"; }

# The volume of that name.
volume() { "$ENGINE" volume ls --quiet | grep -x "${COMPOSE_PROJECT_NAME}_$1"; }

# in_postgres COMMAND...: a program of Postgres in its container, as the user of the desk.
in_postgres() {
  "$ENGINE" exec --interactive "$(container postgres)" sh -c \
    'export PGPASSWORD="$(cat /run/secrets/postgres_password)" PGHOST=127.0.0.1 PGUSER=spotdesk; exec "$@"' sh "$@"
}

# Asks the service's own health check until it passes, at most 120 seconds. podman has no timer without systemd.
wait_for() {
  local name deadline=$((SECONDS + ${WAIT_SECONDS:-120}))
  until name=$(container "$1") && is_healthy "$name"; do
    if ((SECONDS > deadline)); then
      echo "$1 is not healthy:" >&2
      "$ENGINE" logs --tail 20 "$name" >&2
      return 1
    fi
    sleep 1
  done
}

is_healthy() {
  case $ENGINE in
    *podman*) "$ENGINE" healthcheck run "$1" >/dev/null 2>&1 ;;
    *) [ "$("$ENGINE" inspect --format '{{.State.Health.Status}}' "$1")" = healthy ] ;;
  esac
}

# start_services OPTION...: starts every service, each group once the one before is healthy. podman-compose does
# not wait by itself, and a daemon that meets no code counts as ill for five minutes.
start_services() {
  local group service
  for group in "$ASKED" "$REST"; do
    compose up --detach --no-deps "$@" $group || return 1
    for service in $group; do wait_for "$service" || return 1; done
  done
}
