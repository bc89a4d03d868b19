#!/usr/bin/env bash
# Builds the image of one commit, the current one, whatever lies in the working folder.
#   deploy/image/build.sh [TAG]          default: localhost/spotdesk:<commit>
# BASE names another base image, ENGINE another engine than podman, BUILD_OPTIONS more options of the engine. It
# prints the id of the image.
# The certificates of this machine are lent to the build where SSL_CERT_FILE names them; none is kept.
set -euo pipefail
cd "$(dirname "$0")/../.."
engine=${ENGINE:-$(command -v podman || command -v docker)} || { echo "install podman or docker" >&2; exit 2; }
commit=$(git rev-parse HEAD)
tag=${1:-localhost/spotdesk:${commit:0:12}}
instant=$(git log -1 --format=%ct "$commit")
[ -z "$(git status --porcelain)" ] || echo "note: the image is of commit ${commit:0:12}; what is not committed is not in it" >&2

context=$(mktemp -d)
trap 'rm -rf "$context" "$context.source"' EXIT
git archive "$commit" | tar -x -C "$context"
echo "$commit" >"$context/COMMIT" # a commit that changes no other file of the image has its own labels all the same
words=(--file "$context/deploy/Dockerfile" --network host ${BUILD_OPTIONS:-}
  --build-arg "COMMIT=$commit"
  --build-arg "LOCK_SHA256=$(sha256sum "$context/requirements.lock" | cut -d' ' -f1)"
  --build-arg "VERSION=$(sed -n 's/^version = "\(.*\)"/\1/p' "$context/pyproject.toml")")
[ -z "${BASE:-}" ] || words+=(--build-arg "BASE=$BASE")
[ ! -f "${SSL_CERT_FILE:-}" ] || words+=(--secret "id=ca,src=$SSL_CERT_FILE")
[ ! -f "${PIP_CONFIG_FILE:-}" ] || words+=(--secret "id=pip_conf,src=$PIP_CONFIG_FILE")
case $engine in
  *podman*) words+=(--format docker --layers --timestamp "$instant") ;;
  *) words+=(--build-arg "SOURCE_DATE_EPOCH=$instant") ;;
esac
# The bill of materials is made beside the source; its checksum becomes a label of the image.
"$engine" build "${words[@]}" --target source --iidfile "$context.source" "$context" >&2
sbom=$("$engine" run --rm --network none "$(cat "$context.source")" sha256sum /opt/spotdesk/sbom.cdx.json | cut -d' ' -f1)
"$engine" build "${words[@]}" --tag "$tag" --build-arg "SBOM_SHA256=$sbom" "$context" >&2
"$engine" image inspect --format '{{.Id}}' "$tag"
