#!/usr/bin/env bash
# Builds the image of this commit, pushes it to REGISTRY and writes IMAGE=...@sha256:... to dist/image.env.
# PUSH_OPTIONS is for podman alone, for example --tls-verify=false for a registry on loopback.
set -euo pipefail
cd "$(dirname "$0")/../.."
: "${REGISTRY:?set it to the registry and path, such as registry.example/desk}"
engine=${ENGINE:-$(command -v podman || command -v docker)} || { echo "install podman or docker" >&2; exit 2; }
tag=$REGISTRY/spotdesk:$(git rev-parse --short=12 HEAD)
mkdir -p dist
deploy/image/build.sh "$tag" >/dev/null
case $engine in
  *podman*)
    podman push --quiet ${PUSH_OPTIONS:-} --digestfile dist/digest "$tag"
    digest=$(cat dist/digest)
    ;;
  *)
    docker push --quiet "$tag" >/dev/null
    digest=$(docker image inspect --format '{{index .RepoDigests 0}}' "$tag" | cut -d@ -f2)
    ;;
esac
echo "IMAGE=$REGISTRY/spotdesk@$digest" | tee dist/image.env
