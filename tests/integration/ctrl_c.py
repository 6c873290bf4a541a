"""ctrl_c.py TEXT COMMAND...: run a command at a terminal, and press Ctrl-C when it shows a text."""

from __future__ import annotations

import os
import pty
import sys


def main() -> int:
    text, *command = sys.argv[1:]
    pid, terminal = pty.fork()
    if pid == 0:
        os.execvp(command[0], command)
    seen = b""
    while True:
        try:
            output = os.read(terminal, 65536)
        except OSError:  # how the end of a terminal shows
            break
        if not output:
            break
        os.write(1, output)
        before, seen = seen, (seen + output)[-10_000:]
        if text.encode() in seen and text.encode() not in before:
            os.write(terminal, b"\x03")
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


if __name__ == "__main__":
    sys.exit(main())
