#!/usr/bin/env bash
# molecule/run.sh [SCENARIO...]: the scenarios (all by default) on hosts of their own.
# Fails where no hosts can be made; MOBIUS_ALLOW_SKIP=1 skips them there instead.
set -euo pipefail
cd "$(dirname "$0")/.."
hosts=molecule/shared/hosts.sh

if ! why=$("$hosts" check); then
    printf '%s\n' "Molecule did not run: $why." "The roles were not tested on hosts with systemd and sshd." >&2
    if [ "${MOBIUS_ALLOW_SKIP:-}" = 1 ]; then
        echo "Skipped, as MOBIUS_ALLOW_SKIP=1 allows." >&2
        exit 0
    fi
    echo "Next: run make molecule as root on Debian, or set MOBIUS_ALLOW_SKIP=1 to go on without it." >&2
    exit 1
fi
"$hosts" setup

# The hosts reach no package index: what the roles install comes from here, a folder for each kind of runtime.
wheels() {
    local folder=.cache/wheels/$1 lock
    shift
    cat "$@" | cmp -s - "$folder/made-from.txt" && return
    echo "Downloading the wheels of $* ..." >&2
    rm -rf "$folder" && mkdir -p "$folder"
    for lock in "$@"; do
        python -m pip download --quiet --disable-pip-version-check --require-hashes --only-binary :all: \
            --python-version 3.11 --dest "$folder" -r "$lock"
    done
    cat "$@" >"$folder/made-from.txt"
}
wheels hashing roles/runtime/files/hashing.txt
wheels service roles/runtime/files/{lean,service}.txt

# A file of the user's own must not change what the scenarios do; ansible-config refuses /dev/null.
: >.cache/ansible.cfg
export ANSIBLE_CONFIG=$PWD/.cache/ansible.cfg MOLECULE_PROJECT_DIRECTORY=$PWD
[ $# -gt 0 ] || set -- default
for scenario in "$@"; do
    molecule test --scenario-name "$scenario"
done
