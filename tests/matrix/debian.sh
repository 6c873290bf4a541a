#!/usr/bin/env bash
# debian.sh SUITE COMMAND...: run COMMAND with the /usr of another release of Debian, for a Python that this machine does
# not have. The tree is made once from Debian's packages, in .cache/matrix; only the command sees it. Needs root.
set -euo pipefail
cd "$(dirname "$0")/../.."
suite=$1
shift
tree=$PWD/.cache/matrix/debian-$suite

if [ ! -x "$tree/usr/bin/python3" ]; then
    [ "$(id -u)" = 0 ] || { echo "Python of Debian $suite: root is needed to make its tree" >&2 && exit 1; }
    command -v mmdebstrap >/dev/null || { echo "Python of Debian $suite: mmdebstrap is missing. Next: apt-get install mmdebstrap" >&2 && exit 1; }
    archive=$(MOBIUS_TEST_SUITE=$suite molecule/shared/hosts.sh mirror)
    mkdir -p "$tree.new"
    # A mirror may be late with the index of a suite in development; its signature is checked all the same.
    mmdebstrap --quiet --variant=minbase --include=python3,python3-venv,e2fsprogs --aptopt='Acquire::Check-Valid-Until "false"' \
        "$suite" "$tree.new" ${archive:+"$archive"} >&2
    mv "$tree.new" "$tree"
fi
# shellcheck disable=SC2016 # The inner shell expands its own arguments.
exec unshare --mount --propagation private sh -c 'mount --bind "$0" /usr && exec "$@"' "$tree/usr" "$@"
