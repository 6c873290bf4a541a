"""A real HTTP server on the loopback that misbehaves as configured."""

from __future__ import annotations

import contextlib
import http.server
import json
import socket
import threading
import time

_FAMILIES = {False: socket.AF_INET, True: socket.AF_INET6}
METRICS = {"avg_hash_time": 1.5, "p95_hash_time": 3, "extraction_failures_rate": 0, "low_confidence_queue_length": 4}


class Handler(http.server.BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def do_GET(self):
        self.server.seen.append((self.path, dict(self.headers)))
        self.server.answers[self.path](self)

    do_POST = do_GET

    def send(self, body: bytes, status: int = 200, kind: str = "application/json", **headers: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)


def document(value, status: int = 200):
    return lambda handler: handler.send(json.dumps(value).encode(), status)


def raw(body: bytes, status: int = 200, kind: str = "text/plain", **headers: str):
    return lambda handler: handler.send(body, status, kind, **headers)


def in_turn(*answers):
    """One answer after the other, the last one for ever."""
    left = list(answers)

    def answer(handler):
        return (left.pop(0) if len(left) > 1 else left[0])(handler)

    return answer


def drip(handler):
    """A byte now and then: every read succeeds, the whole never ends."""
    handler.send_response(200)
    handler.send_header("Content-Length", "1000")
    handler.end_headers()
    with contextlib.suppress(OSError):
        for _unused in range(200):
            handler.wfile.write(b" ")
            handler.wfile.flush()
            time.sleep(0.05)


def hang_up(handler):
    handler.connection.close()
    handler.close_connection = True


def no_http(handler):
    handler.wfile.write(b"hello, this is no HTTP\r\n\r\n")
    handler.close_connection = True


@contextlib.contextmanager
def serving(answers, context=None, address="127.0.0.1"):
    kind = type("Server", (http.server.ThreadingHTTPServer,), {"address_family": _FAMILIES[":" in address]})
    server = kind((address, 0), Handler)
    server.daemon_threads = True
    server.answers, server.seen = answers, []
    if context is not None:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()


def url_of(server, path: str, scheme: str = "http") -> str:
    return f"{scheme}://127.0.0.1:{server.server_address[1]}{path}"
