#!/usr/bin/env bash
# ansible-test on the tracked files, in a checkout of the layout that it insists on, in an environment of its own.
# tests/ansible_test.sh sanity|units|integration [arguments of ansible-test]
set -euo pipefail
cd "$(dirname "$0")/.."
command=$1
shift

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
checkout=$work/ansible_collections/mobius/dhash
mkdir -p "$checkout"
git ls-files -z | while IFS= read -r -d '' file; do
    # A file that is deleted in the work tree is still listed.
    if [ -e "$file" ] || [ -L "$file" ]; then printf '%s\0' "$file"; fi
done | tar --null --files-from=- -cf - | tar -xf - -C "$checkout"

# ansible-test keeps its environments below HOME, and pip reads no variables there: only a file of settings.
home=$PWD/.cache/sanity
mkdir -p "$home/.ansible/test/cache"
ln -sfn "${XDG_CONFIG_HOME:-$HOME/.config}" "$home/.config"
pip=$(grep -oP "pip='\K[0-9.]+" "$(python -c 'import ansible_test._internal.python_requirements as r; print(r.__file__)')" | head -1)
cp tests/sanity/get_pip.py "$home/.ansible/test/cache/get_pip_${pip//./_}.py"

cd "$checkout"
git init -q .
# What ansible-test writes is not what it tests.
echo /tests/output/ >>.git/info/exclude
git add --all --force
HOME=$home ansible-test "$command" --python "$(python -c 'import sys; print("%d.%d" % sys.version_info[:2])')" --venv --color no "$@"
