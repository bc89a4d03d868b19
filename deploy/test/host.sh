#!/usr/bin/env bash
# One process of one host of deploy/test/hosts.sh: in the host's network, under its name, with a disk of its own.
#   deploy/test/host.sh HOST COMMAND...
set -euo pipefail
host=$1
shift
mkdir -p "$SCRATCH/disk-$host/tmp"
exec ip netns exec "$NET-$host" unshare --uts --mount bash -c '
  hostname "$0"
  mount --bind "$SCRATCH/disk-$0" "$SCRATCH/own"
  export HOME=$SCRATCH/own TMPDIR=$SCRATCH/own/tmp
  exec "$@"' "$host" "$@"
