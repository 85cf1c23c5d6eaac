"""Why a server did not give what it was asked for, in words.

In:  an error of a client of HTTP, or the file that came
Out: the reason
"""

from __future__ import annotations

import re
import urllib.error
import urllib.request
from pathlib import Path
from urllib.parse import urlsplit

WEB_PAGE = "a web page came in its place, such as the login page of a network or a proxy"


def is_web_page(file: Path) -> bool:
    """Whether a file is HTML, as a network's login page is that comes in every file's place."""
    with file.open("rb") as handle:
        return looks_like_html(handle.read(512))


def looks_like_html(head: bytes) -> bool:
    """Whether a file that begins so is HTML."""
    return head.lstrip(b"\xef\xbb\xbf \t\r\n").lower().startswith((b"<!doctype html", b"<html"))


def no_answer(url: str, error: BaseException) -> str:
    """Why nobody answered, in words; where a proxy is set, that it was asked."""
    reason = getattr(error, "reason", error)
    if isinstance(reason, TimeoutError):
        text = "no answer"
    elif isinstance(reason, OSError) and reason.strerror:
        text = reason.strerror
    else:
        text = " ".join(str(reason).split()) or type(reason).__name__
    proxy = proxy_for(url)
    return f"through the proxy {proxy}: {text}" if proxy else text


def hub_fault(url: str, error: BaseException) -> str:
    """Why the Hub's client failed, in words, whichever HTTP client is under it."""
    chain, link = list[BaseException](), error
    while link not in chain and len(chain) < 10:
        chain.append(link)
        link = link.__cause__ or link.__context__ or link
    if any(isinstance(one, ValueError) and "json" in type(one).__name__.lower() for one in chain):
        return WEB_PAGE
    for one in chain:
        if isinstance(one, TimeoutError | ConnectionError) or (isinstance(one, OSError) and one.strerror):
            return no_answer(url, one)
        if found := re.search(r"\[Errno -?\d+\] ([^'\")]+)", str(one)):
            return no_answer(url, OSError(0, found[1]))
    if isinstance(error, urllib.error.HTTPError):
        return f"answers {error.code} {error.reason}" if error.code >= 400 else "leads from one address to the next"
    if isinstance(error, RecursionError):
        return "its answer makes no sense"
    first = (str(error).strip().splitlines() or [type(error).__name__])[0]
    return no_answer(url, OSError(0, first)) if "proxy" in first.lower() else first


def proxy_for(url: str) -> str:
    """The proxy that is set for a URL, without the password in it; "" for none."""
    split = urlsplit(url)
    proxy = urllib.request.getproxies().get(split.scheme, "")
    if not proxy or urllib.request.proxy_bypass(split.hostname or ""):
        return ""
    scheme, _, rest = proxy.rpartition("://")
    return (f"{scheme}://" if scheme else "") + rest.rpartition("@")[2]
