#!/usr/bin/env bash
# A desk on three hosts, which are network namespaces of this machine: the head has Postgres, Redis, MLflow, code
# and daemon; two workers have disks of their own and share the folder of the desk. Zones are loaded, trained and
# decided before an open gate, a worker loses its network and dies in a retraining and in a decision, and the rows
# are compared with those of one host. It ends what it has started.
#   deploy/test/hosts.sh          as root, with redis-server, postgresql and iproute2
# ZONES (default "DE_LU FR"); HOSTS_TEST_MINUTES (default 15) bounds it.
set -euo pipefail
cd "$(dirname "$0")/../.."
if [ -z "${HOSTS_TEST_BOUND:-}" ]; then
  HOSTS_TEST_BOUND=1 exec timeout --signal TERM --kill-after 30 "${HOSTS_TEST_MINUTES:-15}m" "$0" "$@"
fi
for program in redis-server ip setpriv unshare; do
  command -v "$program" >/dev/null || { echo "$program is missing" >&2; exit 2; }
done
postgres=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | tail -1) || { echo "postgresql is missing" >&2; exit 2; }

name=spd$$
net=10.$((200 + RANDOM % 50)).$((RANDOM % 250))
scratch=$(mktemp -d /var/tmp/spotdesk-hosts-XXXXXX)
hosts=(head w1 w2)
clean_up() {
  local code=$? host
  set +e
  if ((code != 0)); then
    for log in "$scratch"/log/*.log; do echo "--- $log" >&2; tail -15 "$log" >&2; done
  fi
  for host in "${hosts[@]}"; do
    ip netns pids "$name-$host" 2>/dev/null | xargs --no-run-if-empty kill -9 2>/dev/null
    ip netns del "$name-$host" 2>/dev/null
  done
  [ "${KEEP:-}" ] && echo "kept: $scratch" >&2 || rm -rf "$scratch"
  exit "$code"
}
trap clean_up EXIT
trap 'exit 124' TERM INT

for host in "${hosts[@]}"; do ip netns add "$name-$host"; done
ip -n "$name-head" link set lo up
ip -n "$name-head" link add bridge type bridge
ip -n "$name-head" addr add "$net.1/24" dev bridge
ip -n "$name-head" link set bridge up
for n in 1 2; do
  ip link add "$name-v$n" netns "$name-head" type veth peer name eth0 netns "$name-w$n"
  ip -n "$name-head" link set "$name-v$n" master bridge up
  ip -n "$name-w$n" link set lo up
  ip -n "$name-w$n" addr add "$net.$((n + 1))/24" dev eth0
  ip -n "$name-w$n" link set eth0 up
done
on_head() { ip netns exec "$name-head" "$@"; }

chmod 755 "$scratch"
mkdir "$scratch"/{log,stop,own,models,redis}
install -d -o postgres -g postgres -m 700 "$scratch/postgres"
as_postgres() { (cd / && on_head setpriv --reuid=postgres --regid=postgres --init-groups "$postgres/$@"); }
as_postgres initdb -D "$scratch/postgres/data" -U spotdesk -A trust --no-sync -E UTF8 --locale=C.UTF-8 >/dev/null
echo "host all all $net.0/24 trust" >>"$scratch/postgres/data/pg_hba.conf"
as_postgres pg_ctl -D "$scratch/postgres/data" -w -s -l "$scratch/postgres/log" \
  -o "-p 5432 -c listen_addresses=$net.1 -c unix_socket_directories=$scratch/postgres -c fsync=off" start
for database in dagster mlflow; do as_postgres createdb -h "$scratch/postgres" -U spotdesk "$database"; done
on_head redis-server --bind "$net.1" --protected-mode no --save "" --daemonize yes --dir "$scratch/redis" \
  --logfile "$scratch/log/redis.log" >/dev/null

sed "s/@head/@$net.1/" deploy/hosts/dagster.yaml >"$scratch/dagster.yaml"
# For every process of the desk it is eight in the morning in UTC: the gate of tomorrow is open.
offset=$(printf %+d $(($(date --utc --date 08:00 +%s) - $(date +%s))))
export PATH=$PWD/.venv/bin:$PATH SPOTDESK_COMMIT=${SPOTDESK_COMMIT:-$(git rev-parse HEAD)} GIT_PYTHON_REFRESH=quiet
export SCRATCH=$scratch NET=$name OFFSET=$offset ZONES=${ZONES:-DE_LU FR}
export HEAD_ADDRESS=$net.1 HOME=$scratch/own PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=$PWD/deploy/test/clock:$PWD
on_head python deploy/test/hosts_day.py
