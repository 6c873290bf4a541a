#!/usr/bin/env bash
# Style, types, shell scripts and Ansible's production profile; every tool runs, then the first failure counts.
set -uo pipefail
cd "$(dirname "$0")/.." || exit
status=0
run() {
    echo "$1"
    "${@:2}" || status=1
}
mapfile -t scripts < <(git ls-files '*.sh' .ci)
run "ruff" ruff check --quiet .
run "ruff format" ruff format --quiet --check .
run "mypy --strict on module_utils" mypy plugins/module_utils
run "shellcheck" shellcheck "${scripts[@]}"
run "ansible-lint, profile production" ansible-lint -q
exit $status
