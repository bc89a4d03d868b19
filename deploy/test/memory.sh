#!/usr/bin/env bash
# Prints the working set of every container of a compose project in MB, and the sum: what is in use, less the
# cached files that the kernel can drop at once, as docker and Kubernetes count it. For cgroups v1 and v2.
#   deploy/test/memory.sh PROJECT
set -euo pipefail
project=${1:?usage: memory.sh PROJECT}
sum=0
while read -r id name; do
  folder=$(find /sys/fs/cgroup -type d -name "libpod-$id*" -path "*$( [ -d /sys/fs/cgroup/memory ] && echo /memory/ || true)*" 2>/dev/null | head -1)
  [ -n "$folder" ] || { echo "$name: its cgroup was not found" >&2; exit 1; }
  if [ -f "$folder/memory.usage_in_bytes" ]; then
    used=$(cat "$folder/memory.usage_in_bytes") cached=$(awk '$1 == "total_inactive_file" {print $2}' "$folder/memory.stat")
  else
    used=$(cat "$folder/memory.current") cached=$(awk '$1 == "inactive_file" {print $2}' "$folder/memory.stat")
  fi
  megabytes=$(((used - cached) / 1000000))
  sum=$((sum + megabytes))
  echo "$name $megabytes"
done < <(podman ps --no-trunc --format '{{.ID}} {{.Names}}' --filter "name=^${project}[-_]")
echo "sum $sum"
