#!/usr/bin/env bash
# tests/cores.sh [CORE...]: sanity and integration under each supported ansible-core, in environments of their own.
# A core whose Python is not installed is named at the end as not run.
set -euo pipefail
cd "$(dirname "$0")/.."

declare -A pythons=([2.16]=3.11 [2.17]=3.11 [2.18]=3.11 [2.19]=3.11 [2.20]="3.12 3.13 3.14" [2.21]="3.12 3.13 3.14")
[ $# -gt 0 ] || set -- 2.16 2.17 2.18 2.19 2.20 2.21

find_python() {
    local version python
    for version in $1; do
        for python in "python$version" "$HOME"/.pyenv/versions/"$version".*/bin/python; do
            if "$python" -c '' 2>/dev/null; then echo "$python" && return; fi
        done
    done
    return 1
}

passed=0 failed=() skipped=()
for core in "$@"; do
    if ! python=$(find_python "${pythons[$core]}"); then
        skipped+=("$core (no Python ${pythons[$core]})") && continue
    fi
    venv=.cache/core-$core
    echo "======== ansible-core $core, $("$python" --version) ========"
    [ -x "$venv/bin/ansible-playbook" ] || {
        "$python" -m venv --clear "$venv"
        "$venv/bin/python" -m pip install --quiet --disable-pip-version-check \
            "ansible-core==$core.*" pytest 'pillow<13' 'imagehash>=4.3,<5'
    }
    if PATH=$PWD/$venv/bin:$PATH tests/sanity/run.sh && "$venv/bin/pytest" tests/integration; then
        passed=$((passed + 1))
    else
        failed+=("$core")
    fi
done
[ ${#skipped[@]} -eq 0 ] || printf 'not run: %s\n' "${skipped[@]}"
[ ${#failed[@]} -eq 0 ] || printf 'failed: %s\n' "${failed[@]}"
echo "$passed passed, ${#failed[@]} failed"
[ ${#failed[@]} -eq 0 ]
