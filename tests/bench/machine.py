"""The environment of a result: the machine and the versions."""

from __future__ import annotations

import json
import os
import platform
import subprocess
from datetime import datetime, timezone
from importlib import metadata
from pathlib import Path
from typing import Dict

import places

_PACKAGES = ("Pillow", "ImageHash", "numpy", "imagededup", "perception", "opencv-contrib-python-headless", "pyvips",
             "pyvips-binary", "zlib-ng", "deflate")  # fmt: skip


def facts() -> Dict[str, str]:
    """For the head of the document."""
    return {
        "date": datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
        "CPU": _cpu(),
        "processors": str(places.processors()),
        "memory": f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.0f} GiB",
        "system": f"{_distribution()}, Linux {platform.release()}",
        "commit": _output_of(["git", "-C", str(places.ROOT), "rev-parse", "--short", "HEAD"]) or "unknown",
        "load before": " ".join(f"{load:.1f}" for load in os.getloadavg()),
    }


def versions() -> Dict[str, str]:
    """Of what was compared, where it is installed."""
    found = {"Python": platform.python_version()}
    for name in _PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    found["coreutils"] = _output_of(["sha256sum", "--version"]).split("\n", 1)[0].split(" ")[-1]
    node = _output_of(["node", "--version"])
    if node:
        found["Node.js"] = node.lstrip("v")
        for name in ("sharp", "@img/sharp-libvips-linux-x64"):
            package = places.NPM / "node_modules" / name / "package.json"
            if package.exists():
                found[name] = json.loads(package.read_text("utf-8"))["version"]
    return found


def _output_of(command: list[str]) -> str:
    try:
        return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()
    except OSError:
        return ""


def _cpu() -> str:
    for line in Path("/proc/cpuinfo").read_text("utf-8").splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.machine()


def _distribution() -> str:
    try:
        return platform.freedesktop_os_release()["PRETTY_NAME"]
    except OSError:
        return platform.system()
