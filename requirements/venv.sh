#!/usr/bin/env bash
# venv.sh FOLDER LOCK: a virtual environment with exactly the packages of LOCK, made once and left alone when right.
set -euo pipefail
folder=$1 lock=$2

if cmp -s "$lock" "$folder/made-from.txt" && "$folder/bin/python" -c '' 2>/dev/null; then
    exit 0
fi

suitable() {
    "$1" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null
}
for python in ${PYTHON:-} python3 python3.11 python3.12 python3.13 none; do
    suitable "$python" && break
done
if [ "$python" = none ]; then
    echo "No Python 3.11 to 3.13 was found. Install one, or name it: make PYTHON=/path/to/python3.11 ..." >&2
    exit 1
fi

if ! "$python" -c 'import ensurepip' 2>/dev/null; then
    # Debian keeps it in a package of its own.
    as_root=$([ "$(id -u)" = 0 ] || echo 'sudo -n')
    export DEBIAN_FRONTEND=noninteractive
    if ! { $as_root apt-get update -qq && $as_root apt-get install -y -qq --no-install-recommends python3-venv; } >&2; then
        echo "Python's venv module is missing. Next: sudo apt-get install python3-venv" >&2
        exit 1
    fi
fi

echo "Installing $(basename "$lock" .txt) packages into $folder ..." >&2
"$python" -m venv --clear "$folder"
install=("$folder/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes --only-binary :all: -r "$lock")
if ! said=$("${install[@]}" 2>&1); then
    # pip tries each connection five times and says the same each time; the errors come last.
    grep -m 1 'WARNING: Retrying' <<<"$said" >&2 || true
    grep -v 'WARNING: Retrying' <<<"$said" >&2 || true
    echo "The packages of $lock could not be installed. Next: check the network, a proxy and the PIP_* settings, then run it again." >&2
    exit 1
fi
cp "$lock" "$folder/made-from.txt"
