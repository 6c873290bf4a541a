"""A real sshd for each connection, started by the ssh that uses it: no port, no daemon, nothing to stop."""

from __future__ import annotations

import os
import pwd
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Dict, List, Optional

ROOT = Path(__file__).resolve().parents[2]
#: Where setup.sh unpacks Debian's, so that no daemon of it is ever started.
UNPACKED = ROOT / ".cache" / "sshd"


def server() -> Optional[Path]:
    """The sshd of this machine, or the unpacked one."""
    found = shutil.which("sshd", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    return Path(found) if found else next(iter(UNPACKED.glob("usr/sbin/sshd")), None)


def unavailable() -> Optional[str]:
    """Why there can be no ssh connection here, or None."""
    if shutil.which("ssh") is None or shutil.which("ssh-keygen") is None:
        return "ssh is not installed"
    if server() is None:
        return "there is no sshd: tests/faults/setup.sh sshd gets one"
    return None


def libraries() -> Dict[str, str]:
    folders = ":".join(str(each) for each in UNPACKED.glob("**/*-linux-gnu*"))
    return {"LD_LIBRARY_PATH": folders} if folders else {}


def config(folder: Path, environment: Dict[str, str]) -> List[str]:
    """Lines of a configuration of sshd that takes the keys ``host`` and ``user`` of the folder."""
    if os.geteuid() == 0:
        # OpenSSH insists on this folder when root runs it.
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
    given = " ".join(f'"{name}={value}"' for name, value in environment.items())
    return [
        f"HostKey {folder}/host",
        f"AuthorizedKeysFile {folder}/user.pub",
        *("StrictModes no", "UsePAM no", "PermitRootLogin yes", "PidFile none"),
        f"SetEnv {given}",
    ]


def connection(folder: Path, environment: Dict[str, str]) -> Dict[str, str]:
    """Make keys and a configuration in ``folder``.

    :param environment: of what is run over the connection.
    :returns: variables of a host that is this machine, over ssh.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("host", "user"):
        if not (folder / name).exists():
            subprocess.run(
                ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "faults", "-f", str(folder / name)], check=True
            )
    (folder / "sshd_config").write_text("\n".join(config(folder, environment)) + "\n")
    program = ["env", *(f"{name}={value}" for name, value in libraries().items()), str(server())]
    proxy = shlex.join([*program, "-i", "-f", f"{folder}/sshd_config", "-E", f"{folder}/sshd.log"])
    options = {
        "ProxyCommand": proxy,
        "IdentityFile": f"{folder}/user",
        "IdentitiesOnly": "yes",
        "StrictHostKeyChecking": "no",
        "UserKnownHostsFile": "/dev/null",
        "LogLevel": "ERROR",
        # The master ends with the run, however the run ends.
        "ControlMaster": "auto",
        "ControlPersist": "5s",
    }
    arguments = shlex.join(["-F", "none", *(word for each in options.items() for word in ("-o", "=".join(each)))])
    return {
        "ansible_connection": "ssh",
        "ansible_host": "localhost",
        "ansible_user": pwd.getpwuid(os.geteuid()).pw_name,
        "ansible_ssh_args": arguments,
    }
