"""A short run of the fuzzed pictures."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

FUZZ = Path(__file__).resolve().parent / "fuzz.py"


def test_every_fuzzed_picture_has_the_hash_of_imagehash_or_a_reason() -> None:
    command = [sys.executable, "-B", str(FUZZ), "--count", "1000", "--seed", "7"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=900)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1000 fuzzed pictures" in done.stdout and "hashed" in done.stdout and "wrong 0" in done.stdout
