"""Serves one file to this machine alone."""

from collections.abc import Callable
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


class OneFile(BaseHTTPRequestHandler):
    """Answers GET / with an HTML file, and nothing else: no other site may ask for it under another name."""

    def __init__(self, file: Path, *args: object):
        self.file = file
        super().__init__(*args)  # pyright: ignore[reportArgumentType]

    def do_GET(self) -> None:
        host = self.headers.get("Host", "").rpartition(":")[0]
        if self.path != "/" or host not in ("127.0.0.1", "localhost"):
            self.send_error(404)
            return
        content = self.file.read_bytes()
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:
        """A line a request would cover what the person was told."""


def serve(file: Path, say: Callable[[str], None], port: int = 0) -> None:
    """Serve ``file`` on 127.0.0.1, and ``say`` where, until the process is interrupted; port 0 is a free one."""
    with ThreadingHTTPServer(("127.0.0.1", port), partial(OneFile, file)) as server:
        say(f"http://127.0.0.1:{server.server_port}/ until Ctrl-C")
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            say("\nno longer served")
