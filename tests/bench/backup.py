"""A backup with its checksum, against cp and sha256sum, of a file that the page cache has.

As a script, one of them in this process: backup.py NAME FILE FOLDER
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, Callable, Dict

import fresh
import places

GIB = 1 << 30
_BLOCK = 1 << 20
OURS = "library_backup"


def _shell(script: str) -> Callable[[str, str], None]:
    def run(source: str, folder: str) -> None:
        copy = shlex.quote(f"{folder}/copy")
        text = script.format(source=shlex.quote(source), copy=copy)
        subprocess.run(["bash", "-euc", text], check=True)

    return run


def _ours(source: str, folder: str) -> None:
    from ansible_collections.mobius.dhash.plugins.module_utils.backups.store import create_backup

    create_backup(source, folder)


WAYS: Dict[str, Callable[[str, str], None]] = {
    "cp && sha256sum": _shell("cp --reflink=never {source} {copy} && sha256sum {copy} >{copy}.sha256"),
    "cp && sync && sha256sum": _shell(
        "cp --reflink=never {source} {copy} && sync {copy} && sha256sum {copy} >{copy}.sha256 && sync {copy}.sha256"
    ),
    OURS: _ours,
}


def measure(rounds: int, limit: int) -> Dict[str, Any]:
    """
    :param limit: MiB; 0 for 1 GiB.
    """
    home = places.CACHE / "backup"
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True)
    source, size = home / "library.json", limit << 20 or GIB
    try:
        with source.open("wb") as stream:
            for _unused in range(size // _BLOCK):
                stream.write(os.urandom(_BLOCK))
        rows: Dict[str, Dict[str, Any]] = {name: {"seconds": [], "cpu": []} for name in WAYS}
        for _unused in range(rounds):
            for name, row in rows.items():
                run = _once(name, source, home / "out")
                row["seconds"].append(run["seconds"])
                row["cpu"].append(run["cpu"])
                print(f"{name}: {run['seconds']:.2f} s, {run['cpu']:.2f} s CPU", file=sys.stderr, flush=True)
    finally:
        shutil.rmtree(home, ignore_errors=True)
    return {"bytes": size, "rounds": rounds, "rows": rows}


def _once(name: str, source: Path, out: Path) -> Any:
    """Into an empty folder, with the source in the cache and nothing left to write from before."""
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir()
    with source.open("rb", buffering=0) as stream:
        while stream.read(_BLOCK):
            pass
    os.sync()
    return fresh.run([sys.executable, str(places.HERE / "backup.py"), name, str(source), str(out)])


def main() -> None:
    name, source, folder = sys.argv[1:]
    if name == OURS:
        import ansible_collections.mobius.dhash.plugins.module_utils.backups.store  # noqa: F401
    fresh.serve(lambda: WAYS[name](source, folder))


if __name__ == "__main__":
    main()
