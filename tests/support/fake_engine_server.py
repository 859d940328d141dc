"""An HTTP server on this machine that does what a request's body says, and records what came.

The body is JSON: `do` is one of the methods below (`stream` by default).
"""

from __future__ import annotations

import json
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple

from support.certificates import Signed


class Request(NamedTuple):
    method: str
    path: str
    headers: dict[str, str]
    body: bytes


class Fake:
    """What a server has seen: connections (accepted ones), requests, and those that were left."""

    def __init__(self, port: int, scheme: str) -> None:
        self.port = port
        self.scheme = scheme
        self.n_connections = 0
        self.requests: list[Request] = []
        self.left = threading.Event()  # a client closed while it was answered
        self.go_on = threading.Event()
        self.secret = ""
        self.reply = b""  # where a test set it, the answer to everything

    @property
    def url(self) -> str:
        return f"{self.scheme}://localhost:{self.port}"

    @property
    def host(self) -> str:
        return self.url


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    fake: Fake

    def log_message(self, format: str, *args: object) -> None: ...

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.fake.requests.append(Request(self.command, self.path, headers, body))
        if self.fake.reply:
            self._begin(200, {"Content-Type": "text/event-stream", "Transfer-Encoding": "chunked"})
            for start in range(0, len(self.fake.reply), 50):
                self._chunk(self.fake.reply[start : start + 50])
            self.wfile.write(b"0\r\n\r\n")
            return
        wish: dict[str, Any] = json.loads(body) if body[:1] == b"{" else {}
        with suppress(BrokenPipeError, ConnectionResetError, ssl.SSLError):
            getattr(self, "answer_" + wish.get("do", "stream"))(wish)

    def answer_stream(self, wish: dict[str, Any]) -> None:
        """Pieces, `n` of them, as server-sent events in chunks."""
        self._begin(200, {"Content-Type": "text/event-stream", "Transfer-Encoding": "chunked"})
        for number in range(wish.get("n", 3)):
            self._chunk(f"data: {wish.get('say', 'piece')} {number}\n\n".encode())
            time.sleep(wish.get("pause_s", 0))
        self.wfile.write(b"0\r\n\r\n")

    def answer_endless(self, wish: dict[str, Any]) -> None:
        """Pieces until the client has gone."""
        self._begin(200, {"Transfer-Encoding": "chunked"})
        try:
            while True:
                self._chunk(b"x" * wish.get("size", 10))
                time.sleep(wish.get("pause_s", 0.01))
        except OSError:
            self.fake.left.set()

    def answer_hang(self, wish: dict[str, Any]) -> None:
        """Nothing; says when the client has gone."""
        with suppress(OSError):
            self.connection.settimeout(60)
            if self.connection.recv(1) == b"":
                self.fake.left.set()
        self.close_connection = True

    def answer_redirect(self, wish: dict[str, Any]) -> None:
        self._begin(wish.get("status", 307), {"Location": wish["to"], "Content-Length": "0"})

    def answer_status(self, wish: dict[str, Any]) -> None:
        text = b'{"error": "full"}'
        more = wish.get("headers", {})
        self._begin(wish["status"], {"Content-Length": str(len(text)), **more})
        self.wfile.write(text)

    def answer_gzip(self, wish: dict[str, Any]) -> None:
        self._begin(200, {"Content-Encoding": "gzip", "Content-Length": "3"})
        self.wfile.write(b"abc")

    def answer_cut(self, wish: dict[str, Any]) -> None:
        """An answer that ends early."""
        self._begin(200, {"Content-Length": "100"})
        self.wfile.write(b"half")
        self.close_connection = True

    def answer_noise(self, wish: dict[str, Any]) -> None:
        self.wfile.write(b"\x00\xff this is no HTTP\r\n\r\n")
        self.close_connection = True

    def answer_cookie(self, wish: dict[str, Any]) -> None:
        self._begin(200, {"Set-Cookie": "track=1; Path=/", "Content-Length": "0"})

    def _begin(self, status: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()

    def _chunk(self, data: bytes) -> None:
        self.wfile.write(b"%x\r\n%b\r\n" % (len(data), data))
        self.wfile.flush()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    address_family = socket.AF_INET
    fake: Fake
    context: ssl.SSLContext | None = None

    def get_request(self) -> tuple[Any, Any]:
        connection, address = super().get_request()
        self.fake.n_connections += 1
        return connection, address

    def finish_request(self, request: Any, client_address: Any) -> None:
        if self.context is not None:
            # In the thread of this connection: a client that does not go on stops nobody else.
            try:
                request = self.context.wrap_socket(request, server_side=True)
            except OSError:
                return
        try:
            super().finish_request(request, client_address)
        finally:
            request.close()

    def handle_error(self, request: Any, client_address: Any) -> None: ...


@contextmanager
def serving(
    signed: Signed | None = None, clients: Path | None = None, port: int = 0
) -> Iterator[Fake]:
    """A server on 127.0.0.1, with TLS where it has a certificate; `clients` is the CA of theirs."""
    handler = type("Handler", (_Handler,), {})
    server = _Server(("127.0.0.1", port), handler)
    fake = Fake(server.server_address[1], "https" if signed else "http")
    handler.fake = server.fake = fake  # type: ignore[attr-defined]
    if signed is not None:
        server.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        server.context.load_cert_chain(signed.cert, signed.key)
        if clients is not None:
            server.context.verify_mode = ssl.CERT_REQUIRED
            server.context.load_verify_locations(clients)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield fake
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
