"""Stands in for the bootstrap script that ansible-test downloads from a server of its own: the same from PyPI."""

from __future__ import annotations

import os
import subprocess
import sys

# Called with GET_PIP set, every nested Python would bootstrap again.
os.environ.pop("GET_PIP", None)
arguments = [word for word in sys.argv[1:] if word not in ("--no-setuptools", "--no-wheel")]
subprocess.check_call([sys.executable, "-m", "ensurepip"], stdout=subprocess.DEVNULL)
subprocess.check_call([sys.executable, "-m", "pip", "install", *arguments])
