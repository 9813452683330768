"""An HTTP server of this process that answers with what a test gives it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

Answering = Callable[["Handler"], None]


class Handler(BaseHTTPRequestHandler):
    answering: Answering

    def do_GET(self) -> None:
        type(self).answering(self)

    do_POST = do_PATCH = do_GET

    def reply(self, status: int, body: bytes, kind: str = "application/json") -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    @property
    def query(self) -> dict[str, str]:
        return {name: values[0] for name, values in parse_qs(urlsplit(self.path).query).items()}

    def log_message(self, *args: object) -> None:
        pass


@contextmanager
def server(answering: Answering) -> Iterator[str]:
    handler = type("Bound", (Handler,), {"answering": staticmethod(answering)})
    http = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{http.server_address[1]}"
    finally:
        http.shutdown()
        http.server_close()
        thread.join()
