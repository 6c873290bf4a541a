"""A picture format whose decoder misbehaves on command, for workers to inherit."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path
from typing import IO

import pytest
from ansible_collections.mobius.dhash.plugins.module_utils.dhash import picture
from PIL import Image


def _factory(stream: IO[bytes], filename: object = None) -> Image.Image:
    command, _space, reported = stream.read()[4:].decode().partition(" ")
    if command == "hang":
        time.sleep(600)
    elif command == "deaf":
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGALRM})
        time.sleep(600)
    elif command == "crash":
        os.kill(os.getpid(), signal.SIGSEGV)
    elif command == "exit":
        os._exit(3)
    elif command == "eat":
        bytearray(3 << 30)
    elif command == "raise":
        raise RuntimeError("\x1b[31mno \n" * 200)
    elif command == "print":
        print("noise of a decoder")
        sys.stdout.flush()
        os.write(1, b"noise of a library\n")
        os.write(2, b"complaint of a library\n")
    elif command == "descriptors":
        Path(reported).write_text(_descriptors())
    return Image.linear_gradient("L").rotate(90)


def _descriptors() -> str:
    names = os.listdir("/proc/self/fd")
    return "\n".join(os.readlink(f"/proc/self/fd/{name}") for name in names if os.path.exists(f"/proc/self/fd/{name}"))


@pytest.fixture
def traps(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pillow and the hashing know the format TRAP: the bytes "TRAP" and a command."""
    arm()
    yield
    Image.OPEN.pop("TRAP")
    picture._formats.remove("TRAP")


def arm() -> None:
    picture.prepare()
    Image.register_open("TRAP", _factory, lambda prefix: prefix.startswith(b"TRAP"))
    Image.ID.remove("TRAP")
    picture._formats.append("TRAP")


def trap(folder: Path, command: str, name: str = "") -> str:
    path = folder / (name or command)
    path.write_bytes(b"TRAP" + command.encode())
    return str(path)
