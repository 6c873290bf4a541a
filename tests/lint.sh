#!/usr/bin/env bash
# Style, types, shell scripts and Ansible's production profile; every tool runs, then the first failure counts.
set -uo pipefail
cd "$(dirname "$0")/.." || exit
# ansible-lint installs a copy of the collection, and would believe an old one of the user's.
export ANSIBLE_HOME=$PWD/.cache/ansible ANSIBLE_COLLECTIONS_PATH=$PWD/playbooks/collections
status=0
run() {
    echo "$1"
    "${@:2}" || status=1
}
mapfile -t scripts < <(git ls-files '*.sh' .ci)
run "ruff" ruff check --quiet .
run "ruff format" ruff format --quiet --check .
# Plugin base classes have no types to check against.
mapfile -t typed < <(git grep -LE '^from (ansible\.plugins|\.run\.action)' 'plugins/plugin_utils/*.py')
run "mypy --strict on module_utils and plugin_utils" mypy plugins/module_utils "${typed[@]}"
run "import-linter" env PYTHONPATH=playbooks/collections lint-imports --no-cache --no-logo
run "shellcheck" shellcheck "${scripts[@]}"
run "yamllint" yamllint --strict .
run "ansible-lint, profile production" ansible-lint -q
exit $status
