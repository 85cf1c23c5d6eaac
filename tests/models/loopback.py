"""A server on this machine that speaks plain HTTP and the Hub's protocol, and misbehaves on demand."""

from __future__ import annotations

import hashlib
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@dataclass
class Seen:
    """A request for a file's bytes."""

    path: str
    range: str | None
    authorization: str | None


@dataclass
class Loopback:
    """What is served, what goes wrong, what was asked for.

    `faults` are used up, one for each request for a file's bytes; then the server behaves.
    """

    files: dict[str, bytes] = field(default_factory=dict)
    repos: dict[str, dict[str, bytes]] = field(default_factory=dict)
    faults: list[Callable[[Handler, bytes], None]] = field(default_factory=list)
    always: Callable[[Handler, bytes], None] | None = None
    seen: list[Seen] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    url: str = ""


class Handler(BaseHTTPRequestHandler):
    """Serves `Loopback`."""

    protocol_version = "HTTP/1.1"
    loopback: Loopback

    def log_message(self, format: str, *args: object) -> None:
        pass

    def do_HEAD(self) -> None:
        self._route(body=False)

    def do_GET(self) -> None:
        self._route(body=True)

    def _route(self, body: bool) -> None:
        where, path = self.loopback, self.path.partition("?")[0]
        where.asked.append(f"{self.command} {path}")
        for repo, files in where.repos.items():
            if path.startswith(f"/api/models/{repo}"):
                return self._json(self._info(repo, files))
            if path.startswith(f"/{repo}/resolve/"):
                name = path.removeprefix(f"/{repo}/resolve/").partition("/")[2]
                if name in files:
                    return self._redirect(f"/cdn/{repo}/{name}", files[name])
            if path.startswith(f"/cdn/{repo}/"):
                return self._file(files[path.removeprefix(f"/cdn/{repo}/")], body)
        if path in where.files:
            return self._file(where.files[path], body)
        self.plain(404, b"no such file")

    def _info(self, repo: str, files: dict[str, bytes]) -> object:
        siblings = [
            {
                "rfilename": name,
                "size": len(data),
                "blobId": hashlib.sha1(data).hexdigest(),
                "lfs": {"sha256": hashlib.sha256(data).hexdigest(), "size": len(data), "pointerSize": 134},
            }
            for name, data in files.items()
        ]
        return {"id": repo, "modelId": repo, "sha": COMMIT, "private": False, "tags": [], "siblings": siblings}

    def _json(self, data: object) -> None:
        self.plain(200, json.dumps(data).encode(), {"Content-Type": "application/json"})

    def _redirect(self, to: str, data: bytes) -> None:
        sha256 = hashlib.sha256(data).hexdigest()
        linked = {"X-Repo-Commit": COMMIT, "X-Linked-Etag": f'"{sha256}"', "X-Linked-Size": str(len(data))}
        self.plain(302, b"", {"Location": f"{self.loopback.url}{to}", "ETag": '"pointer"', **linked})

    def _file(self, data: bytes, body: bool) -> None:
        if not body:
            return self.plain(200, b"", {"Content-Length": str(len(data))})
        asked = Seen(self.path, self.headers.get("Range"), self.headers.get("Authorization"))
        self.loopback.seen.append(asked)
        if self.loopback.faults:
            return self.loopback.faults.pop(0)(self, data)
        if self.loopback.always is not None:
            return self.loopback.always(self, data)
        self.serve(data)

    def serve(self, data: bytes, until: int | None = None) -> None:
        """Answer well, Range and If-Range honoured; with `until`, break the connection at that byte of the file."""
        etag, start = f'"{hashlib.md5(data).hexdigest()}"', 0
        wanted = self.headers.get("Range")
        if wanted and self.headers.get("If-Range", etag) == etag:
            start = int(wanted.removeprefix("bytes=").rstrip("-"))
        if start >= len(data) > 0:
            return self.plain(416, b"", {"Content-Range": f"bytes */{len(data)}"})
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
        self.send_header("ETag", etag)
        self.send_header("Content-Length", str(len(data) - start))
        self.end_headers()
        self.wfile.write(data[start : len(data) if until is None else max(start, until)])
        if until is not None:
            self.wfile.flush()
            self.close_connection = True

    def plain(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        """A whole answer."""
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)


def cut(at: float) -> Callable[[Handler, bytes], None]:
    """Break the connection after a share of the file."""
    return lambda handler, data: handler.serve(data, until=int(at * len(data)))


def stall(at: float, seconds: float) -> Callable[[Handler, bytes], None]:
    """Send a share of the file, then nothing."""

    def fault(handler: Handler, data: bytes) -> None:
        handler.serve(data, until=int(at * len(data)))
        time.sleep(seconds)

    return fault


def answer(status: int, **headers: str) -> Callable[[Handler, bytes], None]:
    """An error."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda handler, data: handler.plain(status, b"later", named)


def lie(body: Callable[[bytes], bytes]) -> Callable[[Handler, bytes], None]:
    """Another file, as if it were the right one."""
    return lambda handler, data: handler.plain(200, body(data))


def trickle(handler: Handler, data: bytes) -> None:
    """A few bytes at a time."""
    handler.send_response(200)
    handler.send_header("Content-Length", str(len(data)))
    handler.end_headers()
    for i in range(0, len(data), 64):
        try:
            handler.wfile.write(data[i : i + 64])
            handler.wfile.flush()
        except OSError:
            return
        time.sleep(0.02)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that gives up is what some tests are about."""


@contextmanager
def serving() -> Iterator[Loopback]:
    """A server that runs until the block ends."""
    loopback = Loopback()
    handler = type("Bound", (Handler,), {"loopback": loopback})
    with _Server(("127.0.0.1", 0), handler) as server:
        loopback.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        yield loopback
        server.shutdown()
        thread.join()
