#!/usr/bin/env bash
# tests/observe/java.sh: Java 17 or newer for ansible-rulebook; installed from Debian where it is missing.
set -euo pipefail

suitable() {
    local version
    version=$("$1" -version 2>&1 | sed -nE 's/.* version "([0-9]+).*/\1/p') && [ "${version:-0}" -ge 17 ]
}

suitable "${JAVA_HOME:+$JAVA_HOME/bin/}java" 2>/dev/null && exit 0
if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
    echo "ansible-rulebook needs Java 17 or newer. Next: sudo apt-get install default-jre-headless" >&2
    exit 1
fi
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq >&2
apt-get install -y -qq --no-install-recommends default-jre-headless >&2
