# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``python -m dhash_service --config FILE``: serves until it is stopped."""

from __future__ import annotations

import argparse
import errno
import logging
import logging.handlers
import os
import socket
import sys
import time
from typing import Optional

import uvicorn

from .app import make_app
from .settings import Settings, load

_LOG_BYTES = 1024 * 1024
_LOGS_KEPT = 3
_log = logging.getLogger("dhash_service")


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="dhash_service", description="Serves health, metrics and look-ups of a library."
    )
    parser.add_argument("--config", required=True, help="JSON file with the settings")
    arguments = parser.parse_args()
    # The log is nobody's but the owner's and the group's, whatever the umask of who starts this.
    os.umask(0o027)
    try:
        settings = load(arguments.config)
    except (OSError, ValueError, TypeError) as error:
        print(f"dhash_service: the settings cannot be used: {error}", file=sys.stderr)
        return 2
    _start_log(settings.log_file)
    listening = _listen(settings)
    if listening is None:
        return 1
    _log.info("serving %r on %s:%d", settings.library_path, settings.host, settings.port)
    config = uvicorn.Config(
        make_app(settings),
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        limit_concurrency=200,
        loop="asyncio",
        http="h11",
        ws="none",
    )
    uvicorn.Server(config).run(sockets=[listening])
    _log.info("ended")
    return 0


def _listen(settings: Settings) -> Optional[socket.socket]:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((settings.host, settings.port))
    except OSError as error:
        taken = error.errno == errno.EADDRINUSE
        problem = "is taken by another program" if taken else f"cannot be used: {error.strerror}"
        _log.error("port %d on %s %s", settings.port, settings.host, problem)
        print(f"dhash_service: port {settings.port} on {settings.host} {problem}", file=sys.stderr)
        return None
    return listening


def _start_log(path: Optional[str]) -> None:
    handler: logging.Handler = logging.StreamHandler()
    if path is not None:
        try:
            handler = logging.handlers.RotatingFileHandler(path, maxBytes=_LOG_BYTES, backupCount=_LOGS_KEPT)
        except OSError as error:
            print(f"dhash_service: no log in {path}: {error.strerror}", file=sys.stderr)
    # The journal notes the time itself.
    shape = "%(levelname)s %(message)s" if path is None else "%(asctime)sZ %(levelname)s %(message)s"
    form = logging.Formatter(shape, "%Y-%m-%dT%H:%M:%S")
    form.converter = time.gmtime
    handler.setFormatter(form)
    logging.basicConfig(level=logging.INFO, handlers=[handler])


if __name__ == "__main__":
    if sys.getfilesystemencoding() != "utf-8":
        # Under an 8-bit locale the name of the library would be taken for another; the process stays the same one.
        os.execv(sys.executable, [sys.executable, "-X", "utf8", "-m", "dhash_service", *sys.argv[1:]])
    sys.exit(main())
