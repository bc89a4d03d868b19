#!/usr/bin/env bash
# Makes a base image with Debian's Python from packages alone, where no registry can be reached.
#   deploy/base/make_base.sh [IMAGE]      default: localhost/spotdesk-base:bookworm
# It asks apt for the mirror, so no host name is written down. Needs root, podman and mmdebstrap.
set -euo pipefail
image=${1:-localhost/spotdesk-base:bookworm}
release=bookworm
mirror=$(apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(COMPONENT) $(CREATED_BY)' |
  awk -v release="$release" '$2 == release && $3 == "main" && $4 == "Packages" {print $1; exit}')
[ -n "$mirror" ] || { echo "apt knows no mirror of $release: add one to its sources" >&2; exit 2; }

root=$(mktemp -d)
trap 'umount "$root" 2>/dev/null || true; rm -rf "$root" "$root.log"' EXIT
mount -t tmpfs -o size=2g,mode=755 none "$root" 2>/dev/null || true # a disk would write down each of dpkg's steps
packages=usr-is-merged,python3,python3-venv,ca-certificates,libgomp1,tzdata
make() {
  mmdebstrap --quiet --variant=minbase --hook-dir=/usr/share/mmdebstrap/hooks/merged-usr --include="$packages" \
    "$release" "$root" "$mirror" 2>"$root.log"
}
make || { find "$root" -mindepth 1 -delete && make; } || { tail -20 "$root.log" >&2; exit 2; } # a mirror may stumble

# What changes from one build to the next, and what nobody reads in a container.
find "$root"/var/cache "$root"/var/log -type f -delete
rm -rf "$root"/usr/lib/*/gconv "$root"/var/lib/apt/lists/* "$root"/usr/share/{doc,man,locale,info,lintian}/* "$root"/usr/share/i18n
find "$root"/usr/lib/python3* -name __pycache__ -prune -exec rm -rf {} +
find "$root"/dev -mindepth 1 -delete
tar --sort=name --mtime=@0 --numeric-owner -C "$root" -c . |
  podman import --quiet --change 'ENV LANG=C.UTF-8' - "$image"
