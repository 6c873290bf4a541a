#!/usr/bin/env bash
# molecule/run.sh [SCENARIO...]: the scenarios (all by default) on hosts of their own; where none can be had, says why.
set -euo pipefail
cd "$(dirname "$0")/.."
hosts=molecule/shared/hosts.sh

if ! why=$("$hosts" check); then
    printf '%s\n' "" "======== NOT RUN: molecule ========" "$why." \
        "The roles were not tried on real hosts with systemd and sshd. Next: run make molecule as root on Debian." \
        "===================================" "" >&2
    exit 0
fi
"$hosts" setup

# The hosts reach no package index: what the roles install comes from here.
wheels=.cache/wheels
mkdir -p "$wheels"
for lock in roles/runtime/files/{hashing,service}.txt; do
    if ! cmp -s "$lock" "$wheels/$(basename "$lock")"; then
        echo "Downloading the wheels of $lock ..." >&2
        python -m pip download --quiet --disable-pip-version-check --require-hashes --only-binary :all: \
            --python-version 3.11 --dest "$wheels" -r "$lock"
        cp "$lock" "$wheels/"
    fi
done

# A file of the user's own must not change what the scenarios do; ansible-config refuses /dev/null.
: >.cache/ansible.cfg
export ANSIBLE_CONFIG=$PWD/.cache/ansible.cfg MOLECULE_PROJECT_DIRECTORY=$PWD
[ $# -gt 0 ] || set -- default
for scenario in "$@"; do
    molecule test --scenario-name "$scenario"
done
