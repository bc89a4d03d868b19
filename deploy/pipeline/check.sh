#!/usr/bin/env bash
# Validates .gitlab-ci.yml and runs it offline, in order, on a copy of this commit. `make` only says which target
# it was asked for, so no deed is done. Needs node, npm, rsync and git.
set -euo pipefail
cd "$(dirname "$0")/../.."
for tool in npm rsync ssh-keygen; do
  command -v "$tool" >/dev/null || { echo "install $tool" >&2; exit 2; }
done
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cp deploy/pipeline/package.json deploy/pipeline/package-lock.json "$scratch/"
(cd "$scratch" && npm ci --silent --no-fund --no-audit)
copy=$scratch/copy said=$scratch/said
git clone --quiet --no-hardlinks . "$copy"
cp .gitlab-ci.yml "$copy/"
digest=sha256:$(printf 'an image' | sha256sum | cut -d' ' -f1)

# In place of make: each call is noted with the image that the job got.
mkdir "$scratch/bin"
cat >"$scratch/bin/make" <<MAKE
#!/usr/bin/env bash
echo "\$* \${IMAGE:-}" >>"$said"
[ "\$1" != image-push ] || { mkdir -p dist && echo "IMAGE=desk/spotdesk@$digest" >dist/image.env; }
[ "\$1" != "\${FAILING:-}" ]
MAKE
chmod +x "$scratch/bin/make"
export PATH="$scratch/bin:$scratch/node_modules/.bin:$PATH"
cd "$copy"
git remote set-head origin --auto >/dev/null 2>&1 || git symbolic-ref refs/remotes/origin/HEAD "refs/remotes/origin/$(git branch --show-current)"
local_ci() { gitlab-ci-local --force-shell-executor --no-color --variable "CI_COMMIT_TAG=v0" "$@" >"$scratch/log" 2>&1; }
fail() { tail -30 "$scratch/log" >&2; echo "$*" >&2; exit 1; }

local_ci --list || fail "the pipeline is wrong"
local_ci watch_staging --needs || fail "the pipeline failed"
expected="lint test+test-slow validate-data validate-model image-push image-test image-scan deploy watch-deployed"
for target in $expected; do grep -q "^${target//+/ } " "$said" || fail "no job has called make ${target//+/ }"; done
! grep -qE '^(check-sign-offs|roll-back)' "$said" || fail "a deed of people was done without one"
[ "$(grep -c '^deploy ' "$said")" = 1 ] || fail "production was deployed without a sign-off"

FAILING=check-sign-offs local_ci production --needs --manual sign_off && fail "production was deployed without two signatures"
[ "$(grep -c '^deploy ' "$said")" = 2 ] || fail "staging, and nothing else, was deployed before the gate"
local_ci production --needs --manual sign_off || fail "production failed after the sign-off"
local_ci roll_back || fail "the roll-back failed"
[ "$(tail -1 "$said" | cut -d' ' -f1)" = roll-back ] || fail "the roll-back did not call make roll-back"
# A merge request is validated against the commit that it would be merged into, and its page is kept.
gitlab-ci-local --force-shell-executor --no-color --variable "CI_PIPELINE_SOURCE=merge_request_event" \
  --variable "CI_MERGE_REQUEST_DIFF_BASE_SHA=before" release_validation --needs >"$scratch/log" 2>&1 ||
  fail "the validation of a merge request failed"
grep -q '^validate AGAINST=before' "$said" || fail "a merge request was not validated against its base"
! grep -E '^(deploy|check-sign-offs|image-test|image-scan) ' "$said" | grep -qv "@$digest" || fail "another digest"
echo "the pipeline is valid; offline, one digest went from the build to production behind the gate"
