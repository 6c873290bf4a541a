#!/usr/bin/env bash
# tests/programs.sh PROGRAM=PACKAGE...: programs of Debian's packages, unpacked into .cache/programs and not installed, so
# that no service is started. A program that is installed already is used as it is.
# Fails where one is not to be had; MOBIUS_ALLOW_SKIP=1 leaves out the tests that need it instead.
set -euo pipefail
cd "$(dirname "$0")/.."

# shellcheck source=/dev/null
debian() { [ -r /etc/os-release ] && . /etc/os-release && [[ " $ID ${ID_LIKE:-} " == *" debian "* ]] && command -v apt-get >/dev/null; }

missing() {
    printf '%s\n' "$program is not installed, and tests need it: $1." >&2
    [ "${MOBIUS_ALLOW_SKIP:-}" = 1 ] && return 0
    echo "Next: $2, or set MOBIUS_ALLOW_SKIP=1 to go on without those tests." >&2
    exit 1
}

unpack() {
    debian || { missing "this is not a Debian that has it as a package" "install $program"; return; }
    echo "unpacking $program, of Debian's package $package" >&2
    mkdir -p .cache/programs
    cd .cache/programs
    # The lists may be missing or old: only root can mend that.
    if ! apt-get download -q "$package" >&2 && ! { [ "$(id -u)" -eq 0 ] && apt-get update -q >&2 && apt-get download -q "$package" >&2; }; then
        missing "apt-get could not download it" "run apt-get update as root, or install $package"
    else
        dpkg --fsys-tarfile "$package"_*.deb | tar -x ./usr
        rm "$package"_*.deb
    fi
    cd ../..
}

for pair in "$@"; do
    program=${pair%%=*} package=${pair#*=}
    command -v "$program" >/dev/null || [ -x ".cache/programs/usr/bin/$program" ] || unpack
done
