"""The loopback server of tests/models, with the part of the Hub's protocol that data sets and uploads need."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import ThreadingHTTPServer
from urllib.parse import unquote, urlsplit

from tests.models.loopback import COMMIT, Handler, Loopback

DATASET = "u/d"


@dataclass
class Hub(Loopback):
    """A data set under `repos[DATASET]`, plain files under `files`, and what is uploaded to models.

    Attributes:
        uploaded: by path in the repository.
        created: names of repositories.
    """

    uploaded: dict[str, bytes] = field(default_factory=dict)
    created: list[str] = field(default_factory=list)

    @property
    def ranges(self) -> list[tuple[str, str | None]]:
        """Name and Range header of every request for a file's bytes."""
        return [(unquote(one.path).rpartition("/")[2], one.range) for one in self.seen]


class _DataHandler(Handler):
    def _route(self, body: bool) -> None:
        # a data set is asked for as /api/datasets/u/d and /datasets/u/d/resolve/…, a model without that word
        self.path = unquote(self.path).replace("/api/datasets/", "/api/models/").replace("/datasets/", "/")
        super()._route(body)

    def do_POST(self) -> None:
        hub, path = self.loopback, urlsplit(self.path).path
        assert isinstance(hub, Hub)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        hub.asked.append(f"POST {path}")
        if path == "/api/repos/create":
            asked = json.loads(body)
            hub.created.append("/".join(filter(None, (asked.get("organization"), asked["name"]))))
            return self._post({"url": f"{hub.url}/u/m", "name": "u/m", "id": "1"})
        if path == "/api/validate-yaml":
            return self._post({"errors": [], "warnings": []})
        if "/preupload/" in path:
            mode = {"uploadMode": "regular", "shouldIgnore": False, "oid": None}
            return self._post({"files": [{"path": one["path"], **mode} for one in json.loads(body)["files"]]})
        for item in map(json.loads, body.splitlines()):
            if item["key"] == "file":
                hub.uploaded[item["value"]["path"]] = base64.b64decode(item["value"]["content"])
        return self._post({"commitUrl": f"{hub.url}/u/m/commit/{COMMIT}", "commitOid": COMMIT, "success": True})

    def _post(self, answer: object) -> None:
        data = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


@contextmanager
def serving(dataset: dict[str, bytes] | None = None) -> Iterator[Hub]:
    """A server for as long as it is needed."""
    hub = Hub(repos={DATASET: dataset or {}})
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (_DataHandler,), {"loopback": hub}))
    server.daemon_threads = True
    hub.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
