"""A proxy in front of a server that refuses some requests, and cuts some transfers, in a fixed order."""

from __future__ import annotations

import http.client
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from types import TracebackType

_BUSY = b"<?xml version='1.0'?><Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>"
_DENIED = b"<?xml version='1.0'?><Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>"

_OF_THE_LINE = ("connection", "transfer-encoding")  # headers that are not passed on


class FaultyProxy:
    """Passes requests on; a context that is given its URL.

    Args:
        port: of the server, on loopback.
        refuse: every so many'th request gets a 503.
        cut: of every so many'th upload, and download of more than 1 kB, half goes through.

    Attributes:
        denies: whether a request, by its method and its path, is denied.
    """

    def __init__(self, port: int, refuse: int = 5, cut: int = 7) -> None:
        self.denies: Callable[[str, str], bool] = lambda method, path: False
        self.refused = self.cut = self.requests = self.transfers = 0
        self.behind = f"http://127.0.0.1:{port}"
        lock, proxy = Lock(), self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_: object) -> None:
                pass

            def pass_on(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                chunked = "chunked" in (self.headers.get("Transfer-Encoding") or "")
                with lock:
                    proxy.requests += 1
                    busy = proxy.requests % refuse == 0
                    proxy.refused += busy
                    big = self.command == "PUT"
                    proxy.transfers += big
                    cuts = big and not busy and proxy.transfers % cut == 0
                    proxy.cut += cuts
                if cuts:
                    self.rfile.read(length // 2)
                    self.connection.close()
                    self.close_connection = True
                    return
                body = self.chunks() if chunked else self.rfile.read(length)
                if busy:
                    self.answer(503, {"Content-Type": "application/xml"}, _BUSY)
                    return
                if proxy.denies(self.command, self.path):
                    self.answer(403, {"Content-Type": "application/xml"}, _DENIED)
                    return
                server = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
                headers = {
                    k: v for k, v in self.headers.items() if k.lower() not in ("connection", "transfer-encoding")
                }
                server.request(self.command, self.path, body, headers)
                answer = server.getresponse()
                data = answer.read()
                told = dict(answer.getheaders())
                with lock:
                    big = self.command == "GET" and len(data) > 1000
                    proxy.transfers += big
                    cuts = big and proxy.transfers % cut == 0
                    proxy.cut += cuts
                self.answer(answer.status, told, data, cuts)
                server.close()

            def chunks(self) -> bytes:
                data = b""
                while size := int(self.rfile.readline().split(b";")[0], 16):
                    data += self.rfile.read(size)
                    self.rfile.readline()
                while self.rfile.readline().strip():
                    pass
                return data

            def answer(self, status: int, headers: dict[str, str], data: bytes, cuts: bool = False) -> None:
                self.send_response(status)
                for name, value in headers.items():
                    if name.lower() not in ("content-length", "connection", "transfer-encoding", "date", "server"):
                        self.send_header(name, value)
                length = headers.get("Content-Length", len(data)) if self.command == "HEAD" else len(data)
                self.send_header("Content-Length", str(length))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(data[: len(data) // 2] if cuts else data)
                if cuts:
                    self.wfile.flush()
                    self.connection.close()
                    self.close_connection = True

            do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = pass_on

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_: object) -> None:  # a client that went away
                pass

        self._server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> FaultyProxy:
        Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
