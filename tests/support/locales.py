"""Environments in which Python takes file names for something other than UTF-8."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Dict

ASCII = {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}


def latin1(folder: Path) -> Dict[str, str]:
    """A real 8-bit locale, compiled into ``folder``; ASCII where the system has no sources of locales."""
    if shutil.which("localedef") is None:
        return ASCII
    target = folder / "de_DE.ISO-8859-1"
    command = ["localedef", "-c", "-i", "de_DE", "-f", "ISO-8859-1", str(target)]
    subprocess.run(command, capture_output=True, check=False)
    if not (target / "LC_CTYPE").exists():
        return ASCII
    return {"LOCPATH": str(folder), "LC_ALL": "de_DE.ISO-8859-1"}


def interpreter(path: Path, python: str, environment: Dict[str, str]) -> str:
    """An executable that starts ``python`` in this environment, as ``ansible_python_interpreter`` may name one."""
    settings = " ".join(f"{name}='{value}'" for name, value in environment.items())
    path.write_text(f'#!/bin/sh\n{settings} exec {python} "$@"\n')
    path.chmod(0o755)
    return str(path)
