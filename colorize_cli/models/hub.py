"""What the Hub says of a repository: its commit, its files, their hashes.

In:  a repository, as a user names it
Out: the file of weights in it, at its present commit, with its SHA-256
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import PurePosixPath
from typing import Any, Literal
from unicodedata import category
from urllib.parse import quote

from colorize_cli.errors import DownloadError, WeightsError, quoted
from colorize_cli.models.registry import HubFile, Published

_TRUE = ("1", "true", "yes", "on")
_SHA256, _COMMIT = re.compile(r"[0-9a-f]{64}"), re.compile(r"[0-9a-f]{40,64}")
_SUFFIXES = (".safetensors", ".pth", ".pt", ".bin")


@dataclass(frozen=True)
class HubRepo:
    """A model repository on the Hub, as a user names it: `user/repo`, `user/repo@revision`, `user/repo:file`."""

    repo: str
    revision: str = "main"
    file: str = ""

    @property
    def name(self) -> str:
        """How it was typed, less what is the default."""
        revision = f"@{self.revision}" if self.revision != "main" else ""
        return f"{self.repo}{revision}{f':{self.file}' if self.file else ''}"


def offline() -> bool:
    """Whether the user forbids the network: `COLORIZE_OFFLINE` or `HF_HUB_OFFLINE`."""
    return any(os.environ.get(name, "").lower() in _TRUE for name in ("COLORIZE_OFFLINE", "HF_HUB_OFFLINE"))


def endpoint() -> str | None:
    """The Hub that `HF_ENDPOINT` names; None is the public one."""
    return os.environ.get("HF_ENDPOINT", "").rstrip("/") or None


def files_of(
    kind: Literal["models", "datasets"], repo: str, revision: str, suffix: str = ""
) -> tuple[str, dict[str, tuple[str, int]]]:
    """A repository's commit, and the SHA-256 and size of each large file in it with that suffix, as the Hub says.

    Raises:
        OSError, HTTPException, ValueError: it gives no answer, or one that makes no sense.
        DownloadError: it is not to be trusted: a file has no hash, or would lie elsewhere.
    """
    from huggingface_hub import get_token

    from colorize_cli.models.asking import Address, ask  # the network's libraries load here

    where, token = endpoint() or "https://huggingface.co", get_token()
    url = f"{where}/api/{kind}/{quote(repo)}/revision/{quote(revision, safe='')}?blobs=true"
    said: Any = json.loads(ask(Address(url, {"Authorization": f"Bearer {token}"} if token else {})))
    files = dict[str, tuple[str, int]]()
    try:
        for one in said.get("siblings") or []:
            name, lfs, size = one["rfilename"], one.get("lfs"), one.get("size") or 0
            if lfs and name.endswith(suffix):
                files[_checked(name, repo)] = (said_sha256(lfs, name, repo), int(size))
        commit = said.get("sha") or revision
    except (AttributeError, KeyError, TypeError, ValueError, OverflowError):
        raise ValueError("its answer makes no sense") from None
    return (commit if isinstance(commit, str) and _COMMIT.fullmatch(commit) else revision), files


def _checked(name: str, repo: str) -> str:
    """A file's name in a repository.

    Raises:
        DownloadError: it leads out of the folder that it is kept in.
    """
    path = PurePosixPath(name)
    controls = any(category(letter) == "Cc" for letter in name)
    if path.is_absolute() or ".." in path.parts or "\\" in name or controls:
        raise DownloadError(
            f"{repo} is refused: {quoted(name)} is no name of a file in it", hint="Choose another source."
        )
    return name


def _siblings(repo: str, revision: str) -> tuple[str, dict[str, tuple[str, int]]]:
    """`files_of` a model."""
    from colorize_cli.models.network_faults import hub_fault

    where = endpoint() or "https://huggingface.co"
    if offline():
        raise DownloadError(
            f"{repo} is not downloaded, and the network is off", hint="Unset COLORIZE_OFFLINE, HF_HUB_OFFLINE."
        )
    try:
        return files_of("models", repo, revision)
    except (OSError, ValueError, RecursionError, HTTPException) as error:
        raise DownloadError(
            f"cannot ask the Hub for {repo}: {hub_fault(where, error)}",
            hint=f"Check the name and the network; the files are at {where}/{repo}",
        ) from error


def said_sha256(lfs: Mapping[str, Any], file: str, repo: str) -> str:
    """The SHA-256 that a hub says of a file.

    Raises:
        DownloadError: it is empty or malformed, so that any file would do.
    """
    found = lfs.get("sha256") or ""
    if not isinstance(found, str) or not _SHA256.fullmatch(found):
        raise DownloadError(
            f"{repo} is refused: of {file} the hub gives no SHA-256 ({quoted(found)[:22]})",
            hint="Download the file by hand, and give its path.",
        )
    return found


def published_sha256(weights: Published) -> str:
    """The hash that the Hub keeps of a file at its pinned revision.

    Raises:
        DownloadError: it says none.
    """
    for source in weights.sources:
        if isinstance(source, HubFile):
            files = _siblings(source.repo, source.revision)[1]
            if source.file in files:
                return files[source.file][0]
    raise DownloadError(f"nobody says what {weights.file} must hash to", hint="Choose another model.")


def on_hub(repo: HubRepo) -> Published:
    """What the Hub has under a repository's name, at its present commit.

    Raises:
        DownloadError: no such repository, or no network.
        WeightsError: no file of weights in it, or several.
    """
    commit, files = _siblings(repo.repo, repo.revision)
    names = [repo.file] if repo.file else [name for name in files if name.endswith(_SUFFIXES)]
    safe = [name for name in names if name.endswith(".safetensors")]
    names = safe or names
    if len(names) != 1 or names[0] not in files:
        there = ", ".join(sorted(name for name in files if name.endswith(_SUFFIXES))) or "none"
        raise WeightsError(f"which weights in {repo.repo}? It has: {there}", hint=f"Name one: {repo.repo}:FILE")
    sha256, size = files[names[0]]
    return Published(names[0], (HubFile(repo.repo, commit, names[0]),), sha256, size)
