#!/usr/bin/env bash
# Runs tests in a layer on the image: the same digest, with the libraries of development and the tests added.
#   deploy/image/test.sh [ARGUMENTS OF PYTEST]    default: a selection of three minutes; `tests` is all
# IMAGE names the image; default: IMAGE of dist/image.env, else that of this commit.
set -euo pipefail
cd "$(dirname "$0")/../.."
engine=${ENGINE:-$(command -v podman || command -v docker)} || { echo "install podman or docker" >&2; exit 2; }
[ ! -f dist/image.env ] || source dist/image.env
image=${IMAGE:-localhost/spotdesk:$(git rev-parse --short=12 HEAD)}
commit=$("$engine" image inspect --format '{{index .Config.Labels "org.opencontainers.image.revision"}}' "$image")

context=$(mktemp -d)
trap 'rm -rf "$context"' EXIT
git archive "$commit" | tar -x -C "$context"
rm "$context/.dockerignore" # the tests belong to this layer
# Only what the image lacks is installed; pip leaves a version alone that is there.
comm -13 <(grep -oE '^[^ ]+==[^ ]+' "$context/requirements.runtime.lock" | sort) \
  <(grep -oE '^[^ ]+==[^ ]+' "$context/requirements.lock" | sort) >"$context/names"
python3 - "$context" <<'PYTHON'
import pathlib, re, sys
context = pathlib.Path(sys.argv[1])
wanted = set((context / "names").read_text().split())
blocks = re.split(r"\n(?=[a-zA-Z0-9])", (context / "requirements.lock").read_text())
(context / "extra.lock").write_text("\n".join(b for b in blocks if b.split()[0] in wanted) + "\n")
PYTHON
words=(--file "$context/deploy/image/Dockerfile.test" --network host --build-arg "IMAGE=$image" --tag "localhost/spotdesk-test:${commit:0:12}")
[ ! -f "${SSL_CERT_FILE:-}" ] || words+=(--secret "id=ca,src=$SSL_CERT_FILE")
"$engine" build --quiet "${words[@]}" "$context" >/dev/null
tests=("$@")
((${#tests[@]})) || tests=(tests/resources/test_lake.py tests/resources/test_registry.py tests/spot/monitoring
  tests/spot/forecast/test_members.py tests/desk/test_guard.py tests/trading_assets/test_graph.py)
exec "$engine" run --rm --network none --cap-drop ALL --security-opt no-new-privileges --tmpfs /tmp:rw,size=2g,mode=1777 \
  "localhost/spotdesk-test:${commit:0:12}" python -m pytest -q -p no:cacheprovider -m "not browser and not slow" "${tests[@]}"
