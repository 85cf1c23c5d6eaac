"""Who may talk to the server: whoever has the address with its token, from the page itself, and nobody else.

In:  requests
Out: the same below the token; a refusal for others; headers that keep the page to itself

The token stands first in every path. The host must be the one that the server was started for, which keeps out pages
that point a name of their own at this machine (DNS rebinding); the origin, where a browser names one, must be the same.
"""

from __future__ import annotations

import ipaddress
import secrets
from collections.abc import MutableMapping
from typing import Any

from starlette.responses import PlainTextResponse, RedirectResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_LOCAL = frozenset({"127.0.0.1", "localhost", "::1"})
_ANY = frozenset({"0.0.0.0", "::"})
_CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    b"content-security-policy": _CSP.encode(),
    b"x-content-type-options": b"nosniff",
    b"referrer-policy": b"no-referrer",
    b"cross-origin-resource-policy": b"same-origin",
    b"cross-origin-opener-policy": b"same-origin",
    b"x-frame-options": b"DENY",
    b"cache-control": b"no-store",
}


def new_token() -> str:
    """A token that nobody guesses: 128 bits."""
    return secrets.token_urlsafe(16)


class Guard:
    """Lets requests through to an app.

    Args:
        app: what is behind it.
        token: first part of every path.
        host: the address that the server was asked to listen at.
        port: its port.
    """

    def __init__(self, app: ASGIApp, token: str, host: str, port: int) -> None:
        self.app, self.token, self.host, self.port = app, token, host, port

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        headers: dict[bytes, bytes] = dict(scope["headers"])

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                given = {name for name, _ in message["headers"]}
                message["headers"] = [*message["headers"], *((k, v) for k, v in _HEADERS.items() if k not in given)]
            await send(message)

        refusal = self._refusal(headers, scope)
        if refusal is not None:
            await PlainTextResponse(refusal + "\n", 403)(scope, receive, guarded)
            return
        own = f"/{self.token}"
        if scope["path"] == own:
            await RedirectResponse(f"{own}/")(scope, receive, guarded)
            return
        inner: MutableMapping[str, Any] = {**scope, "path": scope["path"][len(own) :], "root_path": ""}
        inner.pop("raw_path", None)
        await self.app(inner, receive, guarded)

    def _refusal(self, headers: dict[bytes, bytes], scope: Scope) -> str | None:
        host = headers.get(b"host", b"").decode("latin-1").lower()
        if not self._is_own(host):
            return "Refused: this server answers to its own address alone."
        origin = headers.get(b"origin")
        if origin is not None and origin.decode("latin-1").lower() != f"http://{host}":
            return "Refused: the request comes from another page."
        if headers.get(b"sec-fetch-site", b"none") not in (b"none", b"same-origin"):
            return "Refused: the request comes from another page."
        first = scope["path"].encode("utf-8", "surrogateescape").split(b"/", 2)
        if len(first) < 2 or not secrets.compare_digest(first[1], self.token.encode()):
            return "Open the address that the terminal shows: it ends with a token."
        return None

    def _is_own(self, host: str) -> bool:
        """Whether a Host header names this server."""
        name, _, port = host.rpartition(":")
        if host.endswith("]") or not _:  # without a port it would be 80
            name, port = host, "80"
        if port != str(self.port):
            return False
        name = name.removeprefix("[").removesuffix("]")
        if name in _LOCAL:
            return True
        if self.host in _ANY:  # an address is safe: what rebinding needs is a name
            try:
                ipaddress.ip_address(name)
            except ValueError:
                return False
            return True
        return name == self.host.lower()
