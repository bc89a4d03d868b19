#!/usr/bin/env bash
# Two people sign the digest of an image before it may reach production.
#   deploy/pipeline/sign_offs.sh sign IMAGE@sha256:... NAME KEY      NAME signs with an SSH key of one's own
#   deploy/pipeline/sign_offs.sh check IMAGE@sha256:...              fails unless two people have signed it
# SIGNERS is a file of lines `NAME ssh-ed25519 AAAA...`, kept where a change of it is reviewed, and outside what
# the author of a release can edit alone. SIGN_OFFS is the folder of signatures.
set -euo pipefail
deed=${1:-}
image=${2:-}
digest=${image##*@}
[[ $digest =~ ^sha256:[0-9a-f]{64}$ ]] || { echo "name the image by its digest: IMAGE@sha256:..." >&2; exit 2; }
: "${SIGN_OFFS:?set it to the folder of signatures}"
space=spotdesk-release # a signature made for something else does not count

case $deed in
  sign)
    name=${3:?NAME} key=${4:?KEY}
    [[ $name =~ ^[A-Za-z0-9._@-]+$ ]] || { echo "a name has letters, digits and . _ @ -" >&2; exit 2; }
    mkdir -p "$SIGN_OFFS"
    printf '%s' "$digest" | ssh-keygen -q -Y sign -n "$space" -f "$key" - >"$SIGN_OFFS/${digest#sha256:}.$name.sig"
    ;;
  check)
    : "${SIGNERS:?set it to the file of people who may sign}"
    people=()
    keys=()
    for file in "$SIGN_OFFS/${digest#sha256:}".*.sig; do
      [ -f "$file" ] || continue
      name=$(basename "$file" .sig)
      name=${name#"${digest#sha256:}".}
      if said=$(printf '%s' "$digest" | ssh-keygen -Y verify -n "$space" -f "$SIGNERS" -I "$name" -s "$file" 2>&1); then
        people+=("$name")
        keys+=("${said##* }")
      else
        echo "the signature of $name does not hold" >&2
      fi
    done
    # One key under two names is one person.
    n=$(printf '%s\n' "${keys[@]}" | sort -u | grep -c . || true)
    ((n >= 2)) || { echo "$digest is signed by $n of 2 people: ${people[*]:-nobody}" >&2; exit 1; }
    echo "$digest is signed by ${people[*]}"
    ;;
  *)
    sed -n '2,6s/^# *//p' "$0" >&2
    exit 2
    ;;
esac
