"""A web server that messages are posted to, as a chat service has one."""

from __future__ import annotations

import json
import queue
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Inbox:
    """What has come in at its `url`; it answers with `status`."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.status = 200
        self.tried = 0
        self.received: queue.Queue[dict[str, str]] = queue.Queue()

    def next(self) -> dict[str, str]:
        return self.received.get(timeout=60)

    def titles(self) -> list[str]:
        """Those that nobody has asked for yet."""
        left = []
        while not self.received.empty():
            left.append(self.received.get()["title"])
        return left


@contextmanager
def opened() -> Iterator[Inbox]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            text = self.rfile.read(int(self.headers["Content-Length"]))
            inbox.tried += 1
            status = inbox.status
            self.send_response(status)
            self.end_headers()
            if status == 200:
                inbox.received.put(json.loads(text))

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        inbox = Inbox(f"json://ann:s3cret@127.0.0.1:{server.server_port}")
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield inbox
        finally:
            server.shutdown()
            thread.join()
