"""Data sets on the Hub, and exported checkpoints sent to it.

In:  a repository's name; or files
Out: what the data set holds at one commit, with the SHA-256 of each file, and where to get it; or a new commit
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path

from colorize_cli.errors import DownloadError, UsageError, quoted
from colorize_cli.models.asking import Address
from colorize_cli.models.hub import endpoint, files_of, offline
from colorize_cli.models.network_faults import hub_fault


@dataclass(frozen=True)
class HubFileInfo:
    """A file of a data set: its path in the repository, its SHA-256, its size in bytes."""

    path: str
    sha256: str
    size: int


def _reason(error: Exception) -> str:
    return hub_fault(endpoint() or "https://huggingface.co", error)


def dataset_files(repo: str, revision: str, suffix: str) -> tuple[str, list[HubFileInfo]]:
    """A data set's commit at a revision, and its large files that end with `suffix`.

    Raises:
        DownloadError: no network, or no such data set.
    """
    if offline():
        raise DownloadError(
            f"the data set {repo} is not downloaded, and the network is off",
            hint="Unset COLORIZE_OFFLINE and HF_HUB_OFFLINE, or give --data-root a local copy.",
        )
    try:
        commit, found = files_of("datasets", repo, revision, suffix)
    except (OSError, ValueError, RecursionError, HTTPException) as error:
        raise DownloadError(
            f"cannot ask the Hub for the data set {repo}: {_reason(error)}",
            hint=f"Check the network, or get {endpoint() or 'https://huggingface.co'}/datasets/{repo} by other means: "
            "--data-root DIR.",
        ) from error
    files = [HubFileInfo(path, sha256, size) for path, (sha256, size) in found.items()]
    return commit, sorted(files, key=lambda item: item.path)


def dataset_address(repo: str, commit: str, path: str) -> Address:
    """Where a data set's file is had, with the user's token if there is one."""
    from huggingface_hub import hf_hub_url
    from huggingface_hub.utils import build_hf_headers  # type: ignore[attr-defined]

    url = hf_hub_url(repo, path, repo_type="dataset", revision=commit, endpoint=endpoint())
    token = build_hf_headers().get("authorization")
    return Address(url, {"Authorization": token} if token else {})


def _headers() -> dict[str, str]:
    """The Hub's headers, with the user's token where there is one."""
    from huggingface_hub.utils import build_hf_headers  # type: ignore[attr-defined]

    return dict(build_hf_headers())


def check_target(repo: str) -> None:
    """See to it that files could be sent to a repository: its name, and a token.

    Raises:
        UsageError: no token, or `repo` is not user/name.
    """
    if repo.count("/") != 1 or not all(repo.split("/")):
        raise UsageError(f"--push {quoted(repo)} is not USER/REPO")
    if not _headers().get("authorization"):
        raise UsageError("--push needs a token of the Hub", hint="Set HF_TOKEN, or log in: hf auth login")


def publish(repo: str, files: Mapping[str, Path | bytes], message: str) -> str:
    """Send files to a model repository in one commit, making the repository if it is not there.

    Args:
        repo: user/name.
        files: by their path in the repository.
        message: of the commit.

    Returns:
        The commit's address.

    Raises:
        UsageError: no token, or `repo` is not user/name.
        DownloadError: the Hub refuses, or cannot be reached.
    """
    from huggingface_hub import CommitOperationAdd, HfApi

    check_target(repo)
    operations = [
        CommitOperationAdd(path_in_repo=name, path_or_fileobj=content if isinstance(content, bytes) else str(content))
        for name, content in files.items()
    ]
    api = HfApi(endpoint=endpoint())
    try:
        api.create_repo(repo, exist_ok=True)
        commit = api.create_commit(repo, operations, commit_message=message)
    except Exception as error:  # which HTTP client the Hub's library raises from depends on its version
        raise DownloadError(f"cannot push to {repo}: {_reason(error)}", hint="Check the token's rights.") from error
    return str(commit.commit_url)
