#!/usr/bin/env bash
# The way of an image on one machine, from packages alone: build, push to a registry on loopback, deploy by digest,
# a desk that loads and trains by itself, a run through the guarded UI, an upgrade at ten minutes to twelve while a
# decision is made, the roll-back, a backup and its restore. It ends what it has started.
# Where the machine cannot run containers it says at once what is missing.
#   deploy/test/run.sh            as root, on Debian; DEPLOY_TEST_MINUTES (default 25) bounds it
# Images and caches of layers stay, so a second call is faster.
set -euo pipefail
cd "$(dirname "$0")/../.."
if [ -z "${DEPLOY_TEST_BOUND:-}" ]; then
  DEPLOY_TEST_BOUND=1 exec timeout --signal TERM --kill-after 60 "${DEPLOY_TEST_MINUTES:-25}m" "$0" "$@"
fi
scratch=$(mktemp -d)
tools=${XDG_CACHE_HOME:-$HOME/.cache}/spotdesk-deploy-test
pids=()
most_idle_megabytes=1500
step() { echo "$((SECONDS / 60)):$(printf %02d $((SECONDS % 60))) $*"; }

# What a test that was killed left: a database of another password would refuse this one. podman finds a container
# whose own monitor was killed only at the second try.
leave_nothing() {
  local _
  for _ in 1 2 3; do
    podman pod rm --force --time 5 "pod_$COMPOSE_PROJECT_NAME" >/dev/null 2>&1 || true
    podman ps --all --quiet --filter "name=^${COMPOSE_PROJECT_NAME}[-_]" |
      xargs --no-run-if-empty podman rm --force --time 5 >/dev/null 2>&1 || true
    podman pod exists "pod_$COMPOSE_PROJECT_NAME" || break
  done
  podman volume ls --quiet --filter "name=${COMPOSE_PROJECT_NAME}_" |
    xargs --no-run-if-empty podman volume rm --force >/dev/null || true
}

clean_up() {
  local code=$?
  set +e
  if [ -d "$scratch/desk" ]; then
    ((code == 0)) || for name in $(podman ps --all --format '{{.Names}}' | grep "^$COMPOSE_PROJECT_NAME[-_]"); do
      echo "--- $name"
      podman logs --tail 15 "$name" 2>&1
    done
    export SPOTDESK_IMAGE=${SPOTDESK_IMAGE:-none} # compose asks for it in every command, `down` too
    (cd "$scratch/desk/deploy/compose" && timeout 120 podman-compose down --volumes --timeout 5 >/dev/null)
  fi
  leave_nothing
  for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null; done
  rm -rf "$scratch"
  exit "$code"
}
export COMPOSE_PROJECT_NAME=spotdesk-deploy-test
trap clean_up EXIT
trap 'exit 124' TERM INT

deploy/test/can_run.sh before
deploy/test/install.sh "$tools"
leave_nothing
export PATH=$tools/bin:$PATH ENGINE=podman COMPOSE_FILE=compose.yaml:../test/clock.yaml
export CONTAINERS_CONF=${CONTAINERS_CONF:-$PWD/deploy/containers.conf}
port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
SPOTDESK_PORT=$(port) SPOTDESK_SCREEN_PORT=$(port) SPOTDESK_METRICS_PORT=$(port) registry=127.0.0.1:$(port)
export SPOTDESK_PORT SPOTDESK_SCREEN_PORT SPOTDESK_METRICS_PORT

step "base images"
made_by=$(cat deploy/base/* | sha256sum | cut -c1-12) # what changes there makes them anew
export BASE=${BASE:-localhost/spotdesk-base:$made_by} POSTGRES_IMAGE=${POSTGRES_IMAGE:-localhost/spotdesk-postgres:$made_by}
podman image exists "$BASE" || deploy/base/make_base.sh "$BASE" >/dev/null
deploy/test/can_run.sh after "$BASE"
# The image of Postgres is made beside that of the desk: one waits for the network while the other works.
make_postgres() {
  podman image exists "$POSTGRES_IMAGE" || podman build --quiet --network host --build-arg "BASE=$BASE" \
    --tag "$POSTGRES_IMAGE" --file deploy/base/Dockerfile.postgres deploy/base
}
make_postgres >"$scratch/postgres.log" 2>&1 &
postgres=$!

step "registry on loopback"
REGISTRY_HTTP_ADDR=$registry REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY=$scratch/registry \
  docker-registry serve deploy/test/registry.yml >"$scratch/registry.log" 2>&1 &
pids+=($!)
export REGISTRY=$registry/desk PUSH_OPTIONS=--tls-verify=false PULL_OPTIONS=--tls-verify=false

# A clone, so that nothing of this folder is changed; its second commit is a change of the source.
git clone --quiet --no-hardlinks . "$scratch/desk"
cd "$scratch/desk"
step "image of this commit, pushed"
deploy/image/push.sh >/dev/null 2>"$scratch/build.log" || { tail -30 "$scratch/build.log" >&2; exit 1; }
source dist/image.env
first=$IMAGE
step "the layer of the source, built twice"
deploy/image/twice.sh source 2>"$scratch/build.log" || { tail -60 "$scratch/build.log" >&2; exit 1; }
echo '# Another release.' >>definitions.py
git -c user.name=test -c user.email=test@localhost commit --quiet --all --message "Another release"
begun=$SECONDS
step "image of another commit, pushed"
deploy/image/push.sh >/dev/null 2>"$scratch/build.log" || { tail -30 "$scratch/build.log" >&2; exit 1; }
source dist/image.env
second=$IMAGE
[ "$first" != "$second" ] || { echo "two commits have one image" >&2; exit 1; }
step "built and pushed again in $((SECONDS - begun)) s after a change of the source"
# What is deployed comes from the registry, by its digest.
for commit in HEAD^ HEAD; do podman untag "${first%@*}:$(git rev-parse --short=12 "$commit")"; done
podman pull --quiet $PULL_OPTIONS "$first" >/dev/null
podman pull --quiet $PULL_OPTIONS "$second" >/dev/null
deploy/image/scan.sh "$first"
wait "$postgres" || { tail -30 "$scratch/postgres.log" >&2; exit 1; }
POSTGRES_UID=$(podman run --rm --network none "$POSTGRES_IMAGE" id -u)
export POSTGRES_UID

# The clock of the desk: ten in the morning of the last day that has come to noon, in the market's time.
export DEPLOY_TEST_CLOCK=$scratch/clock TZ=Europe/Berlin
cp -r deploy/test/clock "$DEPLOY_TEST_CLOCK"
today=$(date --date "12 hours ago" +%F)
set_clock() {
  echo "$(($(date --date "$today $1" +%s) - $(date +%s)))" >"$DEPLOY_TEST_CLOCK/.offset"
  mv "$DEPLOY_TEST_CLOCK/.offset" "$DEPLOY_TEST_CLOCK/offset"
}
clock() { date --date "$(cat "$DEPLOY_TEST_CLOCK/offset") seconds" +%FT%T; }
day() { date --date "$today $1 days" +%F; }
set_clock 10:00

step "up"
begun=$SECONDS
export SPOTDESK_IMAGE=$first
deploy/compose/up.sh
step "up in $((SECONDS - begun)) s"

ui() { python3 deploy/test/ui.py "$SPOTDESK_PORT" deploy/compose/secrets/admin_password "$@"; }
ends_well() {
  local status deadline=$((SECONDS + $2))
  while status=$(ui status "$1"); do
    case $status in
      SUCCESS) return 0 ;;
      FAILURE | CANCELED) echo "run $1: $status" >&2; return 1 ;;
    esac
    ((SECONDS < deadline)) || { echo "run $1 is $status after $2 seconds" >&2; return 1; }
    sleep 2
  done
}
service() { podman ps --format '{{.Names}}' | grep "^$COMPOSE_PROJECT_NAME[-_]$1[-_]1$"; }
if curl --silent --fail --output /dev/null "http://127.0.0.1:$SPOTDESK_PORT/graphql"; then
  echo "the UI answers without a login" >&2
  exit 1
fi
curl --silent --fail --output /dev/null "http://127.0.0.1:$SPOTDESK_SCREEN_PORT/login"
step "a first run through the guarded UI, beside those with which the desk makes itself ready"
ends_well "$(ui launch history_loaded DE_LU "$(day -10)" "$(day -2)")" 300
until [ "$(ui newest zone_retrained)" = SUCCESS ]; do
  ((SECONDS < begun + 600)) || { echo "no model after ten minutes: $(ui newest zone_retrained)" >&2; exit 1; }
  sleep 2
done
step "it succeeded, and a model is trained; the memory of the desk while no run is under way"
idle=
for _ in {1..12}; do
  if [ "$(podman exec "$(service code)" python -m resources.instance.under_way)" = 0 ]; then
    figures=$(deploy/test/memory.sh "$COMPOSE_PROJECT_NAME")
    sum=${figures##*sum }
    [ -n "$idle" ] && ((sum >= idle)) || { idle=$sum && least=$figures; }
    ((idle > most_idle_megabytes)) || break
  fi
  sleep 3
done
[ -n "$idle" ] || { echo "no minute was without a run" >&2; exit 1; }
echo "$least"
set_clock 11:50
step "ten to twelve: signals are being made, an upgrade begins, and more are asked for"
run=$(ui launch signals_ready DE_LU "$(day +1)" "$(day +1)")
until [[ $(ui status "$run") =~ ^START ]]; do sleep 1; done
deploy/compose/upgrade.sh "$second" &
upgrade=$!
while [ "$(podman inspect --format '{{.State.Running}}' "$(service daemon)")" = true ]; do
  kill -0 "$upgrade" || exit 1
  sleep 0.2
done
queued=$(ui launch signals_ready DE_LU "$(day +1)" "$(day +1)")
wait "$upgrade"
[ "$(ui status "$run")" = SUCCESS ] || { echo "the upgrade ended a run: $(ui status "$run")" >&2; exit 1; }
ends_well "$queued" 300
made=$(clock)
[[ $made < ${today}T12:00 ]] || { echo "the gate of noon was missed: $made" >&2; exit 1; }
podman exec "$(service code)" spotdesk signals --zone DE_LU --day "$(day +1)" --flat --json |
  python3 deploy/test/before_gate.py
step "both have succeeded at $made, and every signal is there before noon"
serving() { podman inspect --format '{{.Config.Image}}' "$(service "$1")"; }
[ "$(serving web)" = "$second" ] || { echo "web runs $(serving web)" >&2; exit 1; }
step "the other image serves, and the desk is well"
WATCH_MINUTES=0 deploy/compose/watch.sh
step "an image that is no desk is refused, and the image before comes back"
bad=$(printf 'FROM %s\nCMD ["false"]\nENV PATH=/nowhere\n' "$second" | podman build --quiet --file - "$scratch/registry" 2>/dev/null)
for force in 0 1; do # with 1 it is tried although it reads nothing
  if FORCE=$force WAIT_SECONDS=20 DRAIN_SECONDS=120 GATE_SECONDS=0 deploy/compose/upgrade.sh "sha256:${bad#sha256:}" 2>/dev/null; then
    echo "an image without a desk was deployed" >&2
    exit 1
  fi
done
[ "$(serving web)" = "$second" ] || { echo "after a failed upgrade web runs $(serving web)" >&2; exit 1; }
step "roll back"
deploy/compose/roll_back.sh
[ "$(serving web)" = "$first" ] || { echo "after the roll-back web runs $(serving web)" >&2; exit 1; }
ends_well "$(ui launch history_loaded DE_LU "$(day -12)" "$(day -11)")" 240
step "another password for the database, and a backup"
deploy/compose/rotate_postgres_password.sh
[ "$(ui status "$run")" = SUCCESS ] || { echo "the UI does not read with the other password" >&2; exit 1; }
deploy/compose/back_up.sh "$scratch/backup"
step "the desk is gone, with its volumes and secrets; another one is made from the backup"
(cd deploy/compose && podman-compose down --volumes --timeout 10 >/dev/null)
rm -r deploy/compose/secrets
export SPOTDESK_IMAGE=$first
deploy/compose/restore.sh "$scratch/backup"
deploy/compose/up.sh
[ "$(ui status "$run")" = SUCCESS ] || { echo "the records of runs were not restored" >&2; exit 1; }
podman exec "$(service code)" spotdesk status --verify >"$scratch/status" 2>&1 || true # 1: a halted desk cannot trade
grep -q HALTED "$scratch/status" || { cat "$scratch/status"; echo "a restored desk is not halted" >&2; exit 1; }
if SPOTDESK_IMAGE=$first deploy/compose/restore.sh "$scratch/backup" 2>/dev/null; then
  echo "a desk was restored over another one" >&2
  exit 1
fi
# Said last: a figure that is too high hides none of what comes after it.
((idle <= most_idle_megabytes)) || { echo "$idle MB without a run, more than $most_idle_megabytes" >&2; exit 1; }
step "done: one digest was built, pushed, deployed, upgraded under a run, rolled back, backed up and restored"
