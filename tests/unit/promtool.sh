#!/usr/bin/env bash
# tests/unit/promtool.sh: Debian's promtool, unpacked into .cache/promtool and not installed, so that no Prometheus is started.
set -euo pipefail
cd "$(dirname "$0")/../.."

# shellcheck source=/dev/null
debian() { [ -r /etc/os-release ] && . /etc/os-release && [[ " $ID ${ID_LIKE:-} " == *" debian "* ]] && command -v apt-get >/dev/null; }

command -v promtool >/dev/null && exit 0
[ -x .cache/promtool/usr/bin/promtool ] && exit 0
if ! debian; then
    echo "NOT RUN: promtool on the metrics; this is no Debian that has it as a package. Next: install promtool." >&2
    exit 0
fi
echo "unpacking promtool, of Debian's package prometheus" >&2
mkdir -p .cache/promtool
cd .cache/promtool
# The lists may be missing or old: only root can mend that.
if ! apt-get download -q prometheus >&2; then
    if [ "$(id -u)" -ne 0 ]; then
        echo "NOT RUN: promtool on the metrics. Next, as root: apt-get update; or install prometheus." >&2
        exit 0
    fi
    apt-get update -q >&2
    apt-get download -q prometheus >&2
fi
dpkg --fsys-tarfile prometheus_*.deb | tar -x ./usr/bin/promtool
rm prometheus_*.deb
