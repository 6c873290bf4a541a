"""A real SMTP server on the loopback: STARTTLS, AUTH PLAIN, and misbehavior as configured."""

from __future__ import annotations

import base64
import contextlib
import socketserver
import threading
import time
from email import message_from_bytes, policy

PASSWORD = "s3cret-of-the-test"


class Handler(socketserver.StreamRequestHandler):
    def handle(self):
        self.secure = False
        with contextlib.suppress(OSError):
            if self.server.silent:
                time.sleep(self.server.silent)
            self.say("220 mail.test ESMTP")
            while self.step(self.rfile.readline().decode().strip()):
                pass

    def say(self, text: str) -> None:
        self.wfile.write(text.encode() + b"\r\n")

    def step(self, line: str) -> bool:
        verb = line.split(" ")[0].upper()
        action = getattr(self, f"on_{verb.lower()}", None)
        if action is None:
            self.say("250 OK")
        else:
            action(line)
        return bool(line) and verb != "QUIT"

    def on_ehlo(self, _line: str) -> None:
        self.say("250-mail.test")
        if self.server.context is not None and not self.secure:
            self.say("250-STARTTLS")
        self.say("250 AUTH PLAIN")

    def on_starttls(self, _line: str) -> None:
        self.say("220 go ahead")
        self.request = self.server.context.wrap_socket(self.request, server_side=True)
        self.secure = True
        self.rfile, self.wfile = self.request.makefile("rb"), self.request.makefile("wb", 0)

    def on_auth(self, line: str) -> None:
        given = base64.b64decode(line.split(" ")[2]).decode().split("\0")[2]
        self.say("235 welcome" if given == PASSWORD else f"535 {given} is wrong")

    def on_rcpt(self, line: str) -> None:
        self.say("550 no such user" if "nobody@" in line else "250 OK")

    def on_data(self, _line: str) -> object:
        self.say("354 go on")
        lines = []
        while (line := self.rfile.readline()) != b".\r\n":
            lines.append(line[1:] if line.startswith(b".") else line)
        if self.server.strict and any(max(line) > 127 or len(line) > 1000 for line in lines):
            return self.say("550 5.6.3 8-bit data or a long line is not accepted")
        self.server.mails.append((self.secure, message_from_bytes(b"".join(lines), policy=policy.default)))
        return self.say("250 taken")

    def on_quit(self, _line: str) -> None:
        self.say("221 bye")


class Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True


@contextlib.contextmanager
def mailing(context=None, silent: float = 0.0, strict: bool = False):
    server = Server(("127.0.0.1", 0), Handler)
    server.mails, server.context, server.silent, server.strict = [], context, silent, strict
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
