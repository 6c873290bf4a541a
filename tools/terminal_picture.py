"""The picture in README.md: what `make deploy` prints on a fresh checkout, as SVG.

    terminal_picture.py DEST [COMMAND...]

Runs the command, `make deploy` by default, with colors, and draws its output. If the command fails, the picture stays
as it was, and the exit code is the command's.
"""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import List

from rich.console import Console
from rich.text import Text

ROOT = Path(__file__).resolve().parents[1]
WIDTH = 140


def run(command: List[str]) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "ANSIBLE_FORCE_COLOR": "1", "COLUMNS": str(WIDTH), "MAKEFLAGS": "--no-print-directory"}
    return subprocess.run(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )


def draw(printed: str, title: str) -> str:
    """The SVG of a terminal with this text; nobody's own folder is in it."""
    console = Console(record=True, width=WIDTH, file=io.StringIO(), force_terminal=True, color_system="truecolor")
    console.print(f"[bold green]$[/] [bold]{title}[/]")
    console.print(Text.from_ansi(printed.replace(str(ROOT), "/home/ann/mobius.dhash").rstrip()), soft_wrap=False)
    svg = console.export_svg(title="mobius.dhash", unique_id="terminal")
    # A reader's browser fetches no font.
    return re.sub(r"\s*@font-face \{.*?\}", "", svg, flags=re.DOTALL).rstrip() + "\n"


def main(dest: str, *command: str) -> int:
    words = list(command) or ["make", "deploy"]
    done = run(words)
    if done.returncode:
        print(done.stdout, file=sys.stderr)
        return done.returncode
    Path(dest).write_text(draw(done.stdout, " ".join(words)), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
