"""Bring a file over HTTP, whole and unchanged, whatever the line does.

In:  addresses of the same file, its SHA-256 (whole or a prefix), where to put it
Out: the file at its place, its hash checked; or a `DownloadError`, and what came so far beside it, to go on from
"""

from __future__ import annotations

import errno
import http.client
import json
import os
import random
import re
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import IO, Any

from colorize_cli.errors import DownloadError
from colorize_cli.models.asking import AGENT, Address, KeepTokensHome, Refused
from colorize_cli.models.network_faults import WEB_PAGE, is_web_page, looks_like_html, no_answer, proxy_for
from colorize_cli.models.store import sha256_of

Progress = Callable[[int, int], None]
_CHUNK = 1 << 18
ANY = "any"  # in a hash's place: the caller checks the file by something else
MOST = 200 << 30  # bytes of a file whose size nobody published
_DIGITS = re.compile(r"[0-9a-f]{8,64}")
_WORTH = 1 << 20  # bytes that a try must bring for the count of tries to start anew


@dataclass(frozen=True)
class Patience:
    """How long to bear with a server.

    Attributes:
        tries: in a row without progress, at one address.
        stall: seconds without a byte, or with fewer than `slowest` a second, after which the line counts as dead.
        slowest: bytes a second.
        pause: seconds before the second try; doubled for each further one, up to `longest`.
        longest: seconds that a pause lasts at most, a server's Retry-After included.
    """

    tries: int = 5
    stall: float = 30.0
    slowest: float = 1024.0
    pause: float = 1.0
    longest: float = 60.0


PATIENCE = Patience()


class _Retry(Exception):
    """Worth another try at the same address, after so many seconds if the server said so."""

    def __init__(self, reason: str, after: float | None = None) -> None:
        super().__init__(reason)
        self.after = after


def download(
    addresses: Sequence[Address],
    to: Path,
    sha256: str,
    on_progress: Progress | None = None,
    patience: Patience | None = None,
    by_hand: str = "",
    size: int = 0,
) -> tuple[str, str]:
    """Download a file to `to`.

    A part that an earlier try or process left is gone on from. What does not have the hash is kept as `NAME.refused`
    and asked for once more, then from the next address. No more bytes are taken than the file has.

    Args:
        addresses: where to ask, in order.
        to: the file.
        sha256: in hexadecimal, whole or as many digits as are published; `ANY` where the caller checks the file itself.
        on_progress: told bytes here and in all.
        patience: how long to bear with a server.
        by_hand: what to do with a file that the user got by other means, for the message.
        size: bytes that it has, as published, if only roughly; 0 is unknown, then `MOST` are the limit.

    Returns:
        the file's SHA-256, and the URL that gave it.

    Raises:
        DownloadError: no address gave the file.
    """
    if sha256 != ANY and not _DIGITS.fullmatch(sha256.lower()):
        raise DownloadError(
            f"{to.name} is refused: {sha256[:20]!r} is no SHA-256 to check it by", hint="Choose another source."
        )
    patience, most = patience or PATIENCE, size + size // 50 + _WORTH if size else MOST
    failures: list[str] = []
    for address in addresses:
        for _ in range(2):
            try:
                _bring(address, to, on_progress, patience, most)
                return _accept(to, sha256, address), address.url
            except Refused as refusal:
                failures.append(f"{address.host}: {refusal}")
                if not str(refusal).startswith("corrupt"):
                    break
            except OSError as error:
                raise _local_fault(error, to) from error
    reasons = "; ".join(dict.fromkeys(failures))
    other = f"; or get {addresses[-1].url} by other means{by_hand}." if addresses else "."
    raise DownloadError(f"cannot download {to.name}: {reasons}", hint=f"Run the same command again to go on{other}")


def part_of(to: Path) -> Path:
    """Where a file lies while it is brought."""
    return to.with_name(f"{to.name}.part")


def _accept(to: Path, sha256: str, address: Address) -> str:
    part, found = part_of(to), sha256_of(part_of(to))
    _note_of(to).unlink(missing_ok=True)
    if sha256 == ANY or found.startswith(sha256.lower()):
        os.replace(part, to)
        return found
    refused = to.with_name(f"{to.name}.refused")
    os.replace(part, refused)
    if is_web_page(refused):
        raise Refused(f"corrupt: {WEB_PAGE}; kept as {refused}")
    raise Refused(f"corrupt: its SHA-256 is {found[:12]}…, not {sha256[:12]}…; kept as {refused}")


def _bring(address: Address, to: Path, on_progress: Progress | None, patience: Patience, most: int) -> None:
    """Complete the part, with as many tries as it takes while there is progress."""
    left = patience.tries
    while True:
        before = part_of(to).stat().st_size if part_of(to).exists() else 0
        try:
            return _try(address, to, on_progress, patience, most)
        except _Retry as fault:
            after = part_of(to).stat().st_size if part_of(to).exists() else 0
            left = patience.tries - 1 if after - before >= _WORTH else left - 1
            if left <= 0:
                raise Refused(f"{fault} ({patience.tries} tries)") from fault
            backoff = patience.pause * 2 ** (patience.tries - 1 - left) * random.uniform(0.8, 1.2)
            time.sleep(min(patience.longest, fault.after if fault.after is not None else backoff))


def _try(address: Address, to: Path, on_progress: Progress | None, patience: Patience, most: int) -> None:
    """One request that brings the rest of the part."""
    part = part_of(to)
    here = part.stat().st_size if part.exists() else 0
    request = urllib.request.Request(address.url, headers=AGENT)
    for name, value in address.headers.items():
        request.add_header(name, value)
    if here:
        request.add_header("Range", f"bytes={here}-")
        if validator := _read_note(to, address.url):
            request.add_header("If-Range", validator)
    opener = urllib.request.build_opener(KeepTokensHome)
    try:
        with opener.open(request, timeout=patience.stall) as response:
            _receive(response, address, to, here, on_progress, patience, most)
    except urllib.error.HTTPError as error:
        error.close()
        _judge(error, to, here)
    except (urllib.error.URLError, http.client.HTTPException, TimeoutError, ConnectionError) as error:
        raise _Retry(no_answer(address.url, error)) from error


def _judge(error: urllib.error.HTTPError, to: Path, here: int) -> None:
    """Return if the part is complete already; else say whether another try makes sense."""
    if error.code == 416:
        total = (error.headers.get("Content-Range") or "").rpartition("/")[2]
        if total == str(here):
            return
        part_of(to).unlink(missing_ok=True)
        raise _Retry("it is shorter there than what is here") from error
    if error.code in (408, 425, 429) or error.code >= 500:
        raise _Retry(f"answers {error.code} {error.reason}", _seconds(error.headers.get("Retry-After"))) from error
    if 300 <= error.code < 400:
        raise Refused("leads from one address to the next, without an end") from error
    through = f"the proxy {proxy_for(error.url)} " if error.code == 407 else ""
    raise Refused(f"{through}answers {error.code} {error.reason}") from error


def _receive(
    response: Any, address: Address, to: Path, here: int, on_progress: Progress | None, patience: Patience, most: int
) -> None:
    continues = response.status == 206
    if continues and not (response.headers.get("Content-Range") or "").startswith(f"bytes {here}-"):
        part_of(to).unlink(missing_ok=True)
        raise _Retry("sends another piece than was asked for")
    if here and not continues and looks_like_html(response.peek(512)[:512]):
        raise Refused(WEB_PAGE)  # what came before it is not thrown away for it
    start = here if continues else 0
    length = response.headers.get("Content-Length")
    total = start + int(length) if length and length.isdigit() else 0
    if total > most:
        raise Refused(f"announces {total:,} bytes, where at most {most:,} are expected")
    _write_note(to, address.url, response.headers)
    with part_of(to).open("ab" if continues else "wb") as file:
        done = _copy(response, file, start, total, on_progress, patience, most)
    if done > most:
        part_of(to).unlink(missing_ok=True)
        raise Refused(f"sends more than the {most:,} bytes that are expected")
    if total and done < total:
        raise _Retry(f"the line was cut at {done:,} of {total:,} bytes")


def _copy(
    response: Any, file: IO[bytes], done: int, total: int, on_progress: Progress | None, patience: Patience, most: int
) -> int:
    since, then = time.monotonic(), done
    while True:
        try:
            chunk = response.read1(_CHUNK)
        except OSError as error:  # from here it is the line's fault, below it is the disk's
            raise _Retry("no answer" if isinstance(error, TimeoutError) else str(error)) from error
        if not chunk:
            return done
        file.write(chunk)
        done += len(chunk)
        if done > most:
            return done
        if on_progress is not None:
            on_progress(done, max(total, done))
        now = time.monotonic()
        if now - since >= patience.stall:
            if done - then < patience.slowest * (now - since):
                raise _Retry(f"slower than {patience.slowest:.0f} bytes/s")
            since, then = now, done


def _note_of(to: Path) -> Path:
    return to.with_name(f"{to.name}.part.json")


def _write_note(to: Path, url: str, headers: Any) -> None:
    """Remember which version of the file the part belongs to."""
    etag = headers.get("ETag") or ""
    validator = etag if etag and not etag.startswith("W/") else headers.get("Last-Modified") or ""
    _note_of(to).write_text(json.dumps({"url": url, "validator": validator}), encoding="utf-8")


def _read_note(to: Path, url: str) -> str:
    """The version to insist on; none if the part came from elsewhere (the hash decides then)."""
    try:
        note = json.loads(_note_of(to).read_text(encoding="utf-8"))
        return str(note["validator"]) if note["url"] == url else ""
    except (OSError, ValueError, KeyError):
        return ""


def _seconds(retry_after: str | None) -> float | None:
    """Seconds that a Retry-After header asks for: a number, or a date."""
    if retry_after is None:
        return None
    try:
        return max(0.0, float(retry_after))
    except ValueError:
        pass
    try:
        return max(0.0, parsedate_to_datetime(retry_after).timestamp() - time.time())
    except ValueError:
        return None


def _local_fault(error: OSError, to: Path) -> DownloadError:
    full = error.errno in (errno.ENOSPC, errno.EDQUOT)
    reason = "the disk is full" if full else error.strerror or str(error)
    return DownloadError(f"cannot write {part_of(to)}: {reason}", hint="Free some space, or set COLORIZE_CACHE.")
