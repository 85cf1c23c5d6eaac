"""The first word with a store: whether it answers, lets itself be read, takes results; said in a line, and soon.

In:  a store's URL, the options of its library, a question
Out: the answer; or what keeps it from answering, with what to do

The stores' libraries try for minutes where there is no network, and say then what failed last.
"""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Callable
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any, TypeVar
from urllib.parse import urlsplit

from colorize_cli.errors import ColorizeError, NothingToDoError, one_line

_PATIENCE = 30.0  # seconds for the first answer
_CONNECT = 5.0  # seconds for a connection
_HOSTS = {
    "s3": "https://s3.amazonaws.com",
    "gs": "https://storage.googleapis.com",
    "hf": "https://huggingface.co",
}
_VARIABLES = {
    "s3": ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"),
    "gs": ("STORAGE_EMULATOR_HOST",),
    "hf": ("HF_ENDPOINT",),
}
_ALIASES = {"s3a": "s3", "gcs": "gs"}
_CREDENTIALS = {
    "s3": "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE",
    "gs": "GOOGLE_APPLICATION_CREDENTIALS",
    "hf": "HF_TOKEN",
}

Result = TypeVar("Result")


def check_connection(url: str, options: dict[str, Any]) -> None:
    """Look whether a store's server can be reached at all, where it is known which one that is.

    Args:
        url: of a place in it.
        options: of its library.

    Raises:
        NothingToDoError: it cannot.
    """
    endpoint = _endpoint(url, options)
    lacks = "" if endpoint is None else unreachable(endpoint)
    if endpoint is not None and lacks:
        text = f"{url} cannot be reached: no connection to {_host(endpoint)}: {lacks}"
        raise NothingToDoError(text, hint=_network_hint(url))


def first_answer(url: str, ask: Callable[[], Result], what: str) -> Result:
    """The answer to a question that a store is asked first.

    Args:
        url: of a place in it.
        ask: asks it.
        what: of the URL, where there is no answer.

    Raises:
        NothingToDoError: there is none, or not within half a minute.
        FileNotFoundError: there is no such thing.
    """
    answers: SimpleQueue[tuple[bool, Any]] = SimpleQueue()

    def try_it() -> None:
        try:
            answers.put((True, ask()))
        except BaseException as error:
            answers.put((False, error))

    Thread(target=try_it, name="first answer", daemon=True).start()  # it may take minutes, and is left behind then
    try:
        came, answer = answers.get(timeout=_PATIENCE)
    except Empty:
        said = f"{url} {what}, for {_PATIENCE:.0f} seconds"
        raise NothingToDoError(said, hint=_network_hint(url)) from None
    if came:
        return answer  # type: ignore[no-any-return]
    if isinstance(answer, ColorizeError | FileNotFoundError) or not isinstance(answer, Exception):
        raise answer
    raise NothingToDoError(f"{url} {what}: {one_line(answer)}", hint=credentials_hint(url)) from None


def credentials_hint(url: str) -> str:
    """What to look at where a store refuses to answer."""
    names = _CREDENTIALS.get(_kind(url))
    if names is None:
        return "Are its credentials in the environment? See --storage-option for endpoints."
    return f"Are its credentials right ({names})?"


def unreachable(endpoint: str) -> str:
    """Why there is no connection to a server; empty where there is one, or where a proxy is to make it."""
    from urllib.request import getproxies  # it loads all of HTTP, and few photos lie in stores

    parts = urlsplit(endpoint)
    if getproxies().get(parts.scheme) or not parts.hostname:
        return ""
    try:
        socket.create_connection(
            (parts.hostname, parts.port or (80 if parts.scheme == "http" else 443)), _CONNECT
        ).close()
    except OSError as error:
        return error.strerror or "no answer"
    return ""


def _endpoint(url: str, options: dict[str, Any]) -> str | None:
    """The server that is asked; None where nobody knows: a profile's file may name another."""
    kind = _kind(url)
    told = options.get("endpoint_url") or options.get("endpoint")
    with contextlib.suppress(AttributeError):
        told = told or options.get("client_kwargs", {}).get("endpoint_url")
    told = told or next((os.environ[name] for name in _VARIABLES.get(kind, ()) if os.environ.get(name)), None)
    if isinstance(told, str) and told and told != "default":
        return told if "://" in told else f"http://{told}"
    has_profile = kind == "s3" and _may_be_elsewhere()
    return None if has_profile else _HOSTS.get(kind)


def _may_be_elsewhere() -> bool:
    """Whether AWS's files may name a server, or a region that has servers of its own."""
    home = os.path.expanduser("~/.aws/config")
    region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or ""
    return os.path.exists(os.environ.get("AWS_CONFIG_FILE") or home) or region.startswith(("cn-", "us-iso"))


def _kind(url: str) -> str:
    scheme = url.partition(":")[0]
    return _ALIASES.get(scheme, scheme)


def _host(endpoint: str) -> str:
    return urlsplit(endpoint).netloc or endpoint


def _network_hint(url: str) -> str:
    option = "endpoint_url" if _kind(url) in ("s3", "gs") else "endpoint"
    return f"Is there a network? Another server: --storage-option {option}=https://HOST"
