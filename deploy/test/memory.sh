#!/usr/bin/env bash
# Prints the memory of every container of a compose project in MB, and the sum: what is in use, less the cached
# files that no process has mapped, which the kernel can drop at once. For cgroups v1 and v2. Kubernetes subtracts
# less: cached files that were read twice count there.
#   deploy/test/memory.sh PROJECT
set -euo pipefail
project=${1:?usage: memory.sh PROJECT}
sum=0
while read -r id name; do
  folder=$(find /sys/fs/cgroup -type d -name "libpod-$id*" -path "*$( [ -d /sys/fs/cgroup/memory ] && echo /memory/ || true)*" 2>/dev/null | head -1)
  [ -n "$folder" ] || { echo "$name: its cgroup was not found" >&2; exit 1; }
  if [ -f "$folder/memory.usage_in_bytes" ]; then
    used=$(cat "$folder/memory.usage_in_bytes") prefix=total_ mapped=mapped_file
  else
    used=$(cat "$folder/memory.current") prefix= mapped=file_mapped
  fi
  cached=$(awk -v in_="${prefix}inactive_file" -v act="${prefix}active_file" -v map="$prefix$mapped" \
    '$1 == in_ || $1 == act {sum += $2} $1 == map {sum -= $2} END {print (sum > 0 ? sum : 0)}' "$folder/memory.stat")
  megabytes=$(((used - cached) / 1000000))
  sum=$((sum + megabytes))
  echo "$name $megabytes"
done < <(podman ps --no-trunc --format '{{.ID}} {{.Names}}' --filter "name=^${project}[-_]")
echo "sum $sum"
