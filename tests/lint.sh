#!/usr/bin/env bash
# Style, types and Ansible's production profile; every tool runs, then the first failure counts.
set -uo pipefail
status=0
run() {
    echo "$1"
    "${@:2}" || status=1
}
run "ruff" ruff check --quiet .
run "ruff format" ruff format --quiet --check .
run "mypy --strict on module_utils" mypy plugins/module_utils
run "ansible-lint, profile production" ansible-lint -q
exit $status
