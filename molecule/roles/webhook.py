"""webhook.py FILE COUNT: write the URL of a webhook to FILE.url, and the subject of each of COUNT messages to FILE."""

from __future__ import annotations

import http.server
import json
import sys
from pathlib import Path

file, count = Path(sys.argv[1]), int(sys.argv[2])


class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        message = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with file.open("a") as lines:
            lines.write(message["subject"] + "\n")
        self.send_response(204)
        self.end_headers()


server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
file.with_name(f"{file.name}.url").write_text(f"http://127.0.0.1:{server.server_port}/")
for _message in range(count):
    server.handle_request()
