"""Ask a server for a short answer; where anything is asked for, and how redirects are followed.

In:  an address
Out: what the server says, of a size and in a time that are bounded
"""

from __future__ import annotations

import time
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from colorize_cli.version import __version__

AGENT = {"User-Agent": f"colorize-cli/{__version__}"}
_CHUNK = 1 << 18
_MOST = 32 << 20  # bytes of what a hub says of a repository
_STALL, _LONGEST = 30.0, 60.0  # seconds without a byte; for all of it


@dataclass(frozen=True)
class Address:
    """Where a file can be had: a URL, and headers (a token) for its host alone."""

    url: str
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def host(self) -> str:
        """For messages."""
        return urlsplit(self.url).netloc


class Refused(Exception):
    """This address will not do: not there, or not the file that was asked for."""


class KeepTokensHome(urllib.request.HTTPRedirectHandler):
    """Follow redirects, but hand the token to no other host, keep encryption, and read nothing on the way."""

    def http_error_302(self, req: Any, fp: Any, code: int, msg: str, headers: Any) -> Any:
        """See `HTTPRedirectHandler`, which reads what comes with a redirect; that need have no end."""
        fp.read = lambda *_: b""
        return super().http_error_302(req, fp, code, msg, headers)

    http_error_301 = http_error_303 = http_error_307 = http_error_308 = http_error_302

    def redirect_request(self, req: urllib.request.Request, *args: Any) -> urllib.request.Request | None:
        """See `HTTPRedirectHandler`."""
        new = super().redirect_request(req, *args)
        schemes = ("https",) if urlsplit(req.full_url).scheme == "https" else ("http", "https")
        if new is not None and urlsplit(new.full_url).scheme not in schemes:
            raise Refused(f"leads to {new.full_url[:100]}, which is not encrypted, or no web address")
        if new is not None and urlsplit(new.full_url).netloc != urlsplit(req.full_url).netloc:
            new.remove_header("Authorization")
        return new


def ask(address: Address) -> bytes:
    """A short answer of a server.

    Raises:
        HTTPError, OSError, HTTPException: it gives none, or one that has no end.
    """
    parts, size, until = list[bytes](), 0, time.monotonic() + _LONGEST
    request = urllib.request.Request(address.url, headers={**AGENT, **address.headers})
    try:
        with urllib.request.build_opener(KeepTokensHome).open(request, timeout=_STALL) as response:
            while part := response.read1(_CHUNK):
                parts.append(part)
                size += len(part)
                if size > _MOST or time.monotonic() > until:
                    raise OSError(0, "its answer has no end")
            if response.length:
                raise OSError(0, "its answer was cut short")
    except Refused as error:
        raise OSError(0, str(error)) from None
    return b"".join(parts)
