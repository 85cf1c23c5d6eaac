"""A loopback server that speaks as much of the Hub's protocol as data sets and uploads need, and that can misbehave."""

from __future__ import annotations

import base64
import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit

COMMIT = "2d738f56e0e7f925ea36ae7c808ea925264aacec"


class Hub(ThreadingHTTPServer):
    """One data set's files, and the files that are uploaded to models.

    Attributes:
        files: of the data set, by path.
        cut_after: bytes after which the next answers break off, one for each number.
        lie: answer with these bytes changed.
        asked: request lines, in order, with the Range header of each.
        uploaded: by path in the repository.
    """

    daemon_threads = True

    def __init__(self, files: dict[str, bytes]) -> None:
        super().__init__(("127.0.0.1", 0), _Answer)
        self.files = files
        self.cut_after: list[int] = []
        self.lie = False
        self.asked: list[tuple[str, str, str | None]] = []
        self.uploaded: dict[str, bytes] = {}
        self.created: list[str] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Answer(BaseHTTPRequestHandler):
    server: Hub
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: object) -> None:
        pass

    def _json(self, body: object, status: int = 200) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def do_GET(self) -> None:  # noqa: N802
        path = unquote(urlsplit(self.path).path)
        self.server.asked.append(("GET", path, self.headers.get("Range")))
        if path.startswith("/api/datasets/"):
            siblings = [
                {"rfilename": name, "size": len(data), "blobId": "0" * 40, "lfs": {
                    "sha256": hashlib.sha256(data).hexdigest(), "size": len(data), "pointerSize": 130}}
                for name, data in self.server.files.items()
            ]  # fmt: skip
            return self._json({"id": "u/d", "sha": COMMIT, "siblings": siblings, "tags": [], "private": False})
        name = path.partition(f"/resolve/{COMMIT}/")[2] or path.rpartition("/")[2]
        if name not in self.server.files:
            return self._json({"error": "not found"}, 404)
        return self._file(self.server.files[name])

    def _file(self, data: bytes) -> None:
        if self.server.lie:
            data = data[:10] + bytes([data[10] ^ 255]) + data[11:]
        start = int((self.headers.get("Range") or "bytes=0-")[6:].split("-")[0])
        part = data[start:]
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
        self.send_header("Content-Length", str(len(part)))
        self.end_headers()
        if self.server.cut_after:
            part = part[: self.server.cut_after.pop(0)]
            self.close_connection = True
        self.wfile.write(part)

    def do_POST(self) -> None:  # noqa: N802
        path = urlsplit(self.path).path
        self.server.asked.append(("POST", path, None))
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if path == "/api/repos/create":
            name = json.loads(body)
            self.server.created.append(name.get("name", ""))
            return self._json({"url": f"{self.server.url}/u/m", "name": "u/m", "id": "1"})
        if "/preupload/" in path:
            files = json.loads(body)["files"]
            modes = [
                {"path": one["path"], "uploadMode": "regular", "shouldIgnore": False, "oid": None} for one in files
            ]
            return self._json({"files": modes})
        if path == "/api/validate-yaml":
            return self._json({"errors": [], "warnings": []})
        if "/commit/" in path:
            for line in body.splitlines():
                item = json.loads(line)
                if item["key"] == "file":
                    self.server.uploaded[item["value"]["path"]] = base64.b64decode(item["value"]["content"])
            return self._json(
                {"commitUrl": f"{self.server.url}/u/m/commit/{COMMIT}", "commitOid": COMMIT, "success": True}
            )
        return self._json({"error": path}, 404)


@contextmanager
def serving(files: dict[str, bytes] | None = None) -> Iterator[Hub]:
    """A server for as long as it is needed."""
    hub = Hub(files or {})
    thread = threading.Thread(target=hub.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield hub
    finally:
        hub.shutdown()
        thread.join()
        hub.server_close()
