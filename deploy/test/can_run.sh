#!/usr/bin/env bash
# Says what is missing where this machine cannot run containers, and fails; nothing is installed or changed.
#   deploy/test/can_run.sh before          what packages cannot bring: root, Debian, namespaces, room
#   deploy/test/can_run.sh after IMAGE     podman itself, with a container of IMAGE, alone and with a network
# Every question is bounded in time, so a machine that hangs is one that cannot.
set -euo pipefail
missing=()
asks() { timeout --kill-after 5 "$@" </dev/null; }

before() {
  [ "$(id -u)" = 0 ] || missing+=("root: this is user $(id -un)")
  command -v apt-get >/dev/null || missing+=("apt-get: the test installs podman from Debian's packages")
  for kind in mount pid net ipc uts; do
    asks 20 unshare "--$kind" --fork true 2>/dev/null ||
      missing+=("a new $kind namespace: the kernel or the sandbox around this machine refuses it (CAP_SYS_ADMIN)")
  done
  # In a namespace of its own, so that nothing stays mounted.
  asks 20 unshare --mount sh -c 'mount -t tmpfs none /mnt && mkdir /mnt/l /mnt/u /mnt/w /mnt/m &&
    mount -t overlay none -o lowerdir=/mnt/l,upperdir=/mnt/u,workdir=/mnt/w /mnt/m' 2>/dev/null ||
    missing+=("overlay file systems: without them each layer would be a whole copy")
  grep -qE ' cgroup2? ' /proc/mounts || missing+=("cgroups: none are mounted below /sys/fs/cgroup")
  room=$(($(stat --file-system --format '%a * %S' /var/lib) / 1000000000))
  ((room >= 12)) || missing+=("room: $room GB are free below /var/lib, 12 are needed")
  memory=$(awk '$1 == "MemAvailable:" {print int($2 / 1000000)}' /proc/meminfo)
  ((memory >= 4)) || missing+=("memory: $memory GB are available, 4 are needed")
}

after() {
  local image=$1 said
  said=$(asks 60 podman info 2>&1 >/dev/null) || { missing+=("podman info: ${said:-no answer in 60 s}"); return 0; }
  said=$(asks 120 podman run --rm --network none "$image" true 2>&1) ||
    missing+=("a container without network: ${said:-no answer in 120 s}")
  said=$(asks 120 podman run --rm --network bridge "$image" true 2>&1) ||
    missing+=("a container on a bridge (netavark, iptables): ${said:-no answer in 120 s}")
}

case ${1:-} in
  before) before ;;
  after) after "${2:?usage: can_run.sh after IMAGE}" ;;
  *) sed -n '2,5s/^# *//p' "$0" >&2; exit 2 ;;
esac
if ((${#missing[@]})); then
  echo "this machine cannot run the containers of the deploy test. Missing:" >&2
  printf '  - %s\n' "${missing[@]}" >&2
  exit 3
fi
