#!/usr/bin/env bash
# Hosts to test on: Debian with systemd as PID 1 and sshd, in podman, made from Debian's packages with no image registry.
#   hosts.sh check    exit 0 when hosts can be made here, else say why not and exit 3
#   hosts.sh setup    install what makes them (Debian, as root)
#   hosts.sh mirror   print where the image's packages come from; nothing for mmdebstrap's own default
#   hosts.sh image    make the image unless it is there; print its name
#   hosts.sh start NAME PUBLIC_KEY_FILE    start one host, print the port of its sshd on 127.0.0.1
#   hosts.sh container NAME    print what podman calls that host
#   hosts.sh kill NAME    let the host die, as by a power cut; its disk stays
#   hosts.sh revive NAME    start it again; its sshd keeps its port
#   hosts.sh stop NAME
# MOBIUS_TEST_IMAGE names an image to start hosts from in place of that one; MOBIUS_TEST_MIRROR the archive to make one from.
set -euo pipefail

SUITE=${MOBIUS_TEST_SUITE:-bookworm}
PACKAGES=systemd,systemd-sysv,dbus,polkitd,python3,python3-venv,openssh-server,sudo,iproute2,procps,acl,curl
# Its name before Debian 12.
[ "$SUITE" != bullseye ] || PACKAGES=${PACKAGES/polkitd/policykit-1}

# crun refuses a hybrid cgroup hierarchy.
engine() { podman --runtime runc "$@"; }

# Two checkouts may test at the same time.
container() { echo "$1-$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P | cksum | cut -d ' ' -f 1)"; }

missing() {
    local program
    for program in podman runc mmdebstrap iptables ssh-keygen; do
        command -v "$program" >/dev/null || echo "$program"
    done
    # Ubuntu has mmdebstrap without the keys of Debian.
    compgen -G '/usr/share/keyrings/debian-archive-keyring.*' >/dev/null || echo debian-archive-keyring
    if command -v podman >/dev/null; then
        # A machine keeps the network back end of its first podman run.
        case $(podman info --format '{{.Host.NetworkBackend}}' 2>/dev/null) in
            cni) [ -x /usr/lib/cni/bridge ] || echo containernetworking-plugins ;;
            *) [ -x /usr/lib/podman/netavark ] || command -v netavark >/dev/null || echo netavark ;;
        esac
    fi
}

setup() {
    local -a packages=()
    mapfile -t packages < <(missing | sed 's/^ssh-keygen$/openssh-client/')
    [ ${#packages[@]} -eq 0 ] && return
    [[ " ${packages[*]} " == *" podman "* ]] && packages+=(netavark)
    echo "installing ${packages[*]}" >&2
    apt-get update -q >&2
    DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends "${packages[@]}" >&2
}

check() {
    local lacking refusal
    if [ "$(id -u)" -ne 0 ]; then
        echo "hosts with systemd need root to be made" && exit 3
    fi
    if ! refusal=$(unshare --mount --net --pid --fork true 2>&1); then
        echo "this machine lets root make no containers ($refusal)" && exit 3
    fi
    lacking=$(missing | paste -sd ' ')
    [ -z "$lacking" ] && return
    if ! command -v apt-get >/dev/null; then
        echo "not found, and this is no Debian that could install it: $lacking" && exit 3
    fi
}

# The archive of this machine's own apt that has the suite. Debian's has every suite of Debian, whichever this machine follows.
mirror() {
    local wanted=" $SUITE " release uri
    [ -z "${MOBIUS_TEST_MIRROR:-}" ] || { echo "$MOBIUS_TEST_MIRROR" && return; }
    case $SUITE in
        bullseye | bookworm | trixie | forky | sid) wanted=" $SUITE bullseye bookworm trixie forky sid " ;;
    esac
    # shellcheck disable=SC2016 # apt-get fills these in.
    while read -r release uri; do
        [[ $wanted != *" $release "* ]] || { echo "${uri%/}" && return; }
    done < <(apt-get indextargets --format '$(RELEASE) $(REPO_URI)' 'Created-By: Packages' 'Component: main')
}

# What the image is made of decides its name, so that a changed recipe makes a new one.
recipe() {
    cat <<END
suite=$SUITE packages=$PACKAGES
useradd --root "\$1" --create-home --shell /bin/bash deploy
install -d -m 0750 -o 1000 -g 1000 "\$1/srv/mobius"
rm -f "\$1"/etc/ssh/ssh_host_*
printf '%s\n' 'PasswordAuthentication no' 'UseDNS no' >"\$1/etc/ssh/sshd_config.d/test.conf"
printf '%s\n' '[Service]' 'ExecStartPre=' 'ExecStartPre=/usr/bin/ssh-keygen -A' 'ExecStartPre=/usr/sbin/sshd -t' \\
    >"\$1/tmp/keys.conf"
install -D -m 0644 "\$1/tmp/keys.conf" "\$1/etc/systemd/system/ssh.service.d/keys.conf"
rm "\$1/tmp/keys.conf"
END
}

image() {
    local name archive
    [ -z "${MOBIUS_TEST_IMAGE:-}" ] || { echo "$MOBIUS_TEST_IMAGE" && return; }
    name=localhost/mobius-test-host:$(recipe | sha256sum | cut -c1-12)
    if ! podman image exists "$name"; then
        work=$(mktemp -d)
        trap 'rm -rf "$work"' EXIT # work is no local: the trap outlives the function
        recipe | sed 1d >"$work/customize"
        echo "making $name" >&2
        archive=$(mirror)
        mmdebstrap --quiet --variant=minbase --include="$PACKAGES" --customize-hook="sh -eu $work/customize \"\$1\"" \
            "$SUITE" "$work/rootfs.tar" ${archive:+"$archive"} >&2
        podman import --quiet --change 'CMD ["/sbin/init"]' --change 'STOPSIGNAL SIGRTMIN+3' "$work/rootfs.tar" "$name" >/dev/null
    fi
    echo "$name"
}

start() {
    local key=$2 name image port
    name=$(container "$1")
    image=$(image)
    stop "$1"
    engine run --detach --quiet --name "$name" --hostname "$1" --systemd=always --cap-add SYS_ADMIN \
        --ulimit nofile=1024:4096 --ulimit nproc=4096:4096 --publish 127.0.0.1::22 "$image" >/dev/null
    for user in root deploy; do
        engine exec --interactive "$name" sh -c "install -d -m 0700 -o $user -g $user ~$user/.ssh &&
            cat >~$user/.ssh/authorized_keys && chown $user: ~$user/.ssh/authorized_keys" <"$key"
    done
    port=$(podman port "$name" 22/tcp)
    await "$name" "${port##*:}"
    echo "${port##*:}"
}

await() {
    local answer
    for _ in $(seq 120); do
        # Only a running system lets other users than root log in (pam_nologin).
        answer=$(engine exec "$1" systemctl is-system-running 2>/dev/null || true)
        case $answer in running | degraded) (exec 3<>"/dev/tcp/127.0.0.1/$2") 2>/dev/null && return ;; esac
        sleep 0.5
    done
    echo "$1 did not come up: systemd reports '$answer', sshd on port $2 does not answer" >&2
    podman logs --tail 40 "$1" >&2
    return 1
}

kill_host() { engine kill --signal KILL "$(container "$1")" >/dev/null; }

revive() {
    local name port
    name=$(container "$1")
    engine start "$name" >/dev/null
    port=$(podman port "$name" 22/tcp)
    await "$name" "${port##*:}"
}

stop() { podman rm --force --ignore --time 3 "$(container "$1")" >/dev/null; }

case ${1:-} in
    check | setup | mirror | image) "$1" ;;
    start) start "$2" "$3" ;;
    kill) kill_host "$2" ;;
    container | revive | stop) "$1" "$2" ;;
    *) sed -n 's/^#   //p' "$0" >&2 && exit 2 ;;
esac
