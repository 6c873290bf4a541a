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

# The hosts reach no package index: what the roles install comes from here. wheels FOLDER PYTHON LOCK...
wheels() {
    local folder=.cache/wheels/$1 python=$2
    mkdir -p .cache/wheels
    python -B molecule/shared/lock_for.py "$python" "${@:3}" | sort -u >"$folder.txt"
    cmp -s "$folder.txt" "$folder/made-from.txt" && return
    echo "Downloading the wheels of ${*:3} for Python $python ..." >&2
    rm -rf "$folder" && mkdir -p "$folder"
    python -m pip download --quiet --disable-pip-version-check --require-hashes --no-deps --only-binary :all: \
        --python-version "$python" --dest "$folder" -r "$folder.txt"
    mv "$folder.txt" "$folder/made-from.txt"
}
locks=roles/runtime/files
case " $* " in
    *" roles "*) for python in 3.9 3.11 3.13; do wheels "$python" "$python" $locks/{hashing,service}.txt; done ;;
    *) wheels hashing 3.11 $locks/hashing.txt && wheels service 3.11 $locks/{lean,service}.txt ;;
esac

# A file of the user's own must not change what the scenarios do; ansible-config refuses /dev/null.
: >.cache/ansible.cfg
export ANSIBLE_CONFIG=$PWD/.cache/ansible.cfg MOLECULE_PROJECT_DIRECTORY=$PWD
[ $# -gt 0 ] || set -- default
for scenario in "$@"; do
    molecule test --scenario-name "$scenario"
done
