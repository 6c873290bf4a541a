#!/usr/bin/env bash
# tests/unit/promtool.sh: Debian's promtool, unpacked into .cache/promtool and not installed, so that no Prometheus is started.
# Fails where it is not to be had; MOBIUS_ALLOW_SKIP=1 leaves out the tests that need it instead.
set -euo pipefail
cd "$(dirname "$0")/../.."

# shellcheck source=/dev/null
debian() { [ -r /etc/os-release ] && . /etc/os-release && [[ " $ID ${ID_LIKE:-} " == *" debian "* ]] && command -v apt-get >/dev/null; }

missing() {
    printf '%s\n' "promtool is not installed, and the tests of the metrics need it: $1." >&2
    [ "${MOBIUS_ALLOW_SKIP:-}" = 1 ] && exit 0
    echo "Next: $2, or set MOBIUS_ALLOW_SKIP=1 to go on without those tests." >&2
    exit 1
}

command -v promtool >/dev/null && exit 0
[ -x .cache/promtool/usr/bin/promtool ] && exit 0
debian || missing "this is not a Debian that has it as a package" "install promtool"
echo "unpacking promtool, of Debian's package prometheus" >&2
mkdir -p .cache/promtool
cd .cache/promtool
# The lists may be missing or old: only root can mend that.
if ! apt-get download -q prometheus >&2; then
    [ "$(id -u)" -eq 0 ] || missing "apt-get could not download it" "run apt-get update as root, or install prometheus"
    apt-get update -q >&2
    apt-get download -q prometheus >&2
fi
dpkg --fsys-tarfile prometheus_*.deb | tar -x ./usr/bin/promtool
rm prometheus_*.deb
