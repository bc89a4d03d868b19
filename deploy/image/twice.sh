#!/usr/bin/env bash
# Builds the image of this commit a second time and compares: one commit must give one content.
#   deploy/image/twice.sh            everything again, without the cache: as long as the first build on a new host
#   deploy/image/twice.sh source     only the layer of the source, which is what changes from commit to commit
# It compares the digests of all layers. Where one differs it names the files, and fails.
set -euo pipefail
cd "$(dirname "$0")/../.."
engine=${ENGINE:-$(command -v podman || command -v docker)} || { echo "install podman or docker" >&2; exit 2; }
what=${1:-all}
case $what in
  all) again=(--no-cache) ;;
  source) again=(--build-arg "AGAIN=$(date +%s%N)") ;;
  *) echo "say: all or source" >&2; exit 2 ;;
esac
tag=spotdesk-twice
scratch=$(mktemp -d)
clean_up() {
  "$engine" rm --force "$tag-1" "$tag-2" >/dev/null 2>&1 || true
  "$engine" rmi --force "localhost/$tag:1" "localhost/$tag:2" >/dev/null 2>&1 || true
  rm -rf "$scratch"
}
trap clean_up EXIT
BUILD_OPTIONS= deploy/image/build.sh "localhost/$tag:1" >/dev/null
BUILD_OPTIONS="${again[*]}" deploy/image/build.sh "localhost/$tag:2" >/dev/null
layers() { "$engine" image inspect --format '{{range .RootFS.Layers}}{{println .}}{{end}}' "localhost/$tag:$1" | grep .; }
layers 1 >"$scratch/1"
layers 2 >"$scratch/2"
if cmp --silent "$scratch/1" "$scratch/2"; then
  echo "two builds ($what again) have the same $(wc -l <"$scratch/1") layers; the newest is $(tail -1 "$scratch/1")"
  exit 0
fi
# What differs: name, kind, mode, size and checksum of every file below /opt, where the application is.
for n in 1 2; do
  "$engine" create --name "$tag-$n" "localhost/$tag:$n" true >/dev/null
  mkdir "$scratch/tree$n"
  "$engine" export "$tag-$n" | tar -x -C "$scratch/tree$n" opt
  (cd "$scratch/tree$n" && find opt -printf '%y %m %s %T@ %p\n' | sort -k5 >"$scratch/names$n"
    find opt -type f -print0 | sort -z | xargs -0 sha256sum >>"$scratch/names$n")
done
echo "two builds of one commit differ; layers:" >&2
diff "$scratch/1" "$scratch/2" >&2 || true
echo "files:" >&2
diff "$scratch/names1" "$scratch/names2" | head -40 >&2 || true
exit 1
