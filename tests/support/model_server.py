"""A file server on the loopback address that misbehaves on request."""

from __future__ import annotations

import contextlib
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

TLS = Path(__file__).parents[1] / "fixtures" / "tls"


@dataclass
class Behaviour:
    """What the server does; tests change it while it runs.

    `cuts` are consumed one per answer: the number of body bytes after which the connection is
    closed. `stall_after` body bytes are sent, then nothing until `resume` is set. `etag` "" sends
    none. `claimed_length` replaces the true Content-Length.
    """

    data: bytes = b""
    etag: str = '"v1"'
    status: int = 200
    redirect_to: str = ""
    cuts: list[int] = field(default_factory=list)
    stall_after: int | None = None
    resume: threading.Event = field(default_factory=threading.Event)
    stalled: threading.Event = field(default_factory=threading.Event)
    claimed_length: int | None = None
    ignores_ranges: bool = False
    ignores_if_range: bool = False
    requests: list[dict[str, str]] = field(default_factory=list)
    body_bytes_sent: int = 0


class _Handler(BaseHTTPRequestHandler):
    behaviour: Behaviour

    def do_GET(self) -> None:
        b = self.behaviour
        b.requests.append({"path": self.path, **{k.lower(): v for k, v in self.headers.items()}})
        if b.redirect_to and not self.path.startswith("/target"):
            self.send_response(302)
            self.send_header("Location", b.redirect_to)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        if b.status != 200:
            self.send_error(b.status)
            return
        start = self._start()
        if start is not None and start >= len(b.data):
            self.send_error(416)
            return
        body = b.data[start or 0 :]
        self.send_response(200 if start is None else 206)
        if b.etag:
            self.send_header("ETag", b.etag)
        if start is not None:
            self.send_header("Content-Range", f"bytes {start}-{len(b.data) - 1}/{len(b.data)}")
        length = len(body) if b.claimed_length is None else b.claimed_length
        self.send_header("Content-Length", str(length))
        self.end_headers()
        self._send(body)

    def _start(self) -> int | None:
        """Where the answer starts if it is a partial one."""
        b = self.behaviour
        wanted = self.headers.get("Range")
        if wanted is None or b.ignores_ranges:
            return None
        if not b.ignores_if_range and self.headers.get("If-Range", b.etag) != b.etag:
            return None
        return int(wanted.removeprefix("bytes=").removesuffix("-"))

    def _send(self, body: bytes) -> None:
        b = self.behaviour
        cut = b.cuts.pop(0) if b.cuts else len(body)
        with contextlib.suppress(ConnectionError, ssl.SSLError):
            if b.stall_after is not None:
                self._write(body[: b.stall_after])
                b.stalled.set()
                b.resume.wait(30)
                self._write(body[b.stall_after : cut])
            else:
                self._write(body[:cut])
        self.close_connection = True

    def _write(self, data: bytes) -> None:
        self.wfile.write(data)
        self.wfile.flush()
        self.behaviour.body_bytes_sent += len(data)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@contextlib.contextmanager
def serve(behaviour: Behaviour, *, tls: bool = False) -> Iterator[str]:
    """Run the server; the value is its address, without a slash at the end."""
    handler = type("Handler", (_Handler,), {"behaviour": behaviour})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.handle_error = lambda *_: None  # type: ignore[method-assign] # clients leave on purpose
    if tls:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(TLS / "loopback.cert.pem", TLS / "loopback.key.pem")
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"{'https' if tls else 'http'}://127.0.0.1:{server.server_address[1]}"
    finally:
        behaviour.resume.set()
        server.shutdown()
        thread.join()
        server.server_close()
