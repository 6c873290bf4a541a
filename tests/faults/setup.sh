#!/usr/bin/env bash
# tests/faults/setup.sh [sshd]: what it takes to break things (Debian, as root or with sudo): strace, and for the whole run
# an sshd, unpacked and not installed, so that no daemon is started.
set -euo pipefail
cd "$(dirname "$0")/../.."

fail() {
    printf '%s\n' "tests/faults cannot be run here: $1." "Next: $2." >&2
    exit 1
}

as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    elif sudo -n true 2>/dev/null; then
        sudo "$@"
    else
        fail "$missing is not installed, and this user is not root and may not use sudo without a password" "as root: apt-get install $missing"
    fi
}

debian() {
    command -v apt-get >/dev/null || fail "$missing is not installed, and this is no Debian that could install it" "install $missing"
}

if ! command -v strace >/dev/null; then
    missing=strace
    debian
    echo "installing strace" >&2
    as_root apt-get update -q >&2
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends strace >&2
fi
refusal=$(strace -qq -e trace=none true 2>&1) || fail "strace may not trace here ($refusal)" "give this container the capability SYS_PTRACE"

if [ "${1:-}" = sshd ]; then
    missing=openssh-client
    if ! command -v ssh >/dev/null || ! command -v ssh-keygen >/dev/null; then
        debian
        as_root apt-get update -q >&2
        as_root env DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends openssh-client >&2
    fi
    if ! PATH=$PATH:/usr/sbin command -v sshd >/dev/null && [ ! -x .cache/sshd/usr/sbin/sshd ]; then
        missing=openssh-server
        debian
        echo "unpacking openssh-server" >&2
        as_root apt-get update -q >&2
        mkdir -p .cache/sshd
        (cd .cache/sshd && apt-get download -q openssh-server libwrap0 >&2)
        for package in .cache/sshd/*.deb; do
            dpkg --extract "$package" .cache/sshd
        done
        rm .cache/sshd/*.deb
    fi
    # An sshd that root runs wants this user, which the package would have made.
    if ! getent passwd sshd >/dev/null && [ "$(id -u)" -eq 0 ]; then
        useradd --system --home-dir /run/sshd --no-create-home --shell /usr/sbin/nologin sshd
    fi
fi
