"""Download a data set: from the Hub at one commit, or a file over plain HTTP; resumed, checked, kept.

In:  where it is published, the folder to keep it in
Out: the folder, with every file's SHA-256 recorded in it; later openings touch no network
"""

from __future__ import annotations

import hashlib
import json
import os
import tarfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from filelock import FileLock

from colorize_cli.errors import DataError, DownloadError, printable
from colorize_cli.files.atomic import replacing, write_text
from colorize_cli.models.asking import Address
from colorize_cli.models.hub import offline
from colorize_cli.models.hubdata import HubFileInfo, dataset_address, dataset_files
from colorize_cli.models.transfer import ANY, Patience, download

OnBytes = Callable[[str, int, int], None]


@dataclass(frozen=True)
class HubSet:
    """A data set of parquet files on the Hub.

    Attributes:
        repo: its name.
        revision: a commit; or a branch, whose commit is then pinned in the folder when it is first brought.
        rows: how many rows each part has, to refuse a repository that has changed into something else.
    """

    repo: str
    revision: str
    rows: tuple[tuple[str, int], ...]


@dataclass(frozen=True)
class WebFile:
    """A file on its owners' server.

    Attributes:
        url: where it is.
        md5: as its owners publish it.
        sha256: as others have measured it; "" pins what is first brought, if its MD5 is right.
    """

    url: str
    md5: str
    sha256: str = ""

    @property
    def name(self) -> str:
        """Its file name."""
        return self.url.rpartition("/")[2]


def _record(folder: Path) -> Path:
    return folder / "files.json"


def _read_record(folder: Path) -> tuple[str, list[HubFileInfo]] | None:
    try:
        found = json.loads(_record(folder).read_text(encoding="utf-8"))
        return found["commit"], [HubFileInfo(**item) for item in found["files"]]
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _write_record(folder: Path, commit: str, files: list[HubFileInfo]) -> None:
    found = {"commit": commit, "files": [vars(item) for item in files]}
    write_text(_record(folder), json.dumps(found, indent=1) + "\n")


def _is_here(folder: Path, item: HubFileInfo) -> bool:
    file = folder / item.path
    return file.is_file() and file.stat().st_size == item.size


def bring_hub_set(hub: HubSet, folder: Path, on_bytes: OnBytes | None = None, patience: Patience | None = None) -> Path:
    """Bring every parquet file of a data set, going on where an earlier try stopped.

    Raises:
        DownloadError: it cannot be had, or a file is not what the Hub says it is.
        DataError: it has other rows than it should.
    """
    record = _read_record(folder)
    if record is not None and all(_is_here(folder, item) for item in record[1]):
        return folder
    with _lock(folder):
        commit, files = record or dataset_files(hub.repo, hub.revision, ".parquet")
        if not files:
            raise DownloadError(f"the data set {hub.repo} has no parquet files", hint="Give --data-root a local copy.")
        _write_record(folder, commit, files)
        for item in files:
            if not _is_here(folder, item):
                _refuse_offline(hub.repo)
                file = folder / item.path
                file.parent.mkdir(parents=True, exist_ok=True)
                told = None if on_bytes is None else _named(on_bytes, item.path)
                place = [dataset_address(hub.repo, commit, item.path)]
                by_hand = ", and give --data-root a local copy"
                download(place, file, item.sha256, told, patience, by_hand=by_hand, size=item.size)
    _check_rows(hub, folder, files)
    return folder


def _named(on_bytes: OnBytes, name: str) -> Callable[[int, int], None]:
    return lambda done, total: on_bytes(name, done, total)


def _check_rows(hub: HubSet, folder: Path, files: list[HubFileInfo]) -> None:
    import pyarrow.parquet as pq

    counted: dict[str, int] = {}
    for item in files:
        part = item.path.rpartition("/")[2].split("-")[0]
        counted[part] = counted.get(part, 0) + int(pq.ParquetFile(folder / item.path).metadata.num_rows)
    wanted = dict(hub.rows)
    if wanted and counted != wanted:
        raise DataError(
            f"{hub.repo} has {counted} rows, not {wanted}", hint=f"Remove {folder}, and give --data-root a local copy."
        )


def bring_file(web: WebFile, folder: Path, on_bytes: OnBytes | None = None, patience: Patience | None = None) -> Path:
    """Bring a file whose owners publish its MD5 alone; its SHA-256 is recorded, and must be the same for ever after.

    Raises:
        DownloadError: it cannot be had, or is corrupt.
    """
    file, record = folder / web.name, _read_record(folder)
    known = next((item for item in record[1] if item.path == web.name), None) if record else None
    if known is not None and _is_here(folder, known):
        return file
    with _lock(folder):
        _refuse_offline(web.name)
        told = None if on_bytes is None else _named(on_bytes, web.name)
        wanted, size = (known.sha256, known.size) if known else (web.sha256 or ANY, 0)
        by_hand = f", and put it into {printable(folder)}"
        sha256, _ = download([Address(web.url)], file, wanted, told, patience, by_hand=by_hand, size=size)
        if known is None:
            _check_md5(web, file)
        others = [item for item in (record[1] if record else []) if item.path != web.name]
        _write_record(folder, "", [*others, HubFileInfo(web.name, sha256, file.stat().st_size)])
    return file


def bring_lists(web: WebFile, wanted: Sequence[str], folder: Path, on_bytes: OnBytes | None = None) -> None:
    """Bring a tar of lists, and put those that are wanted beside it.

    Raises:
        DownloadError: it cannot be had, is corrupt, or lacks one of them.
    """
    missing = [name for name in wanted if not (folder / name).is_file()]
    if not missing:
        return
    archive = bring_file(web, folder, on_bytes)
    try:
        with tarfile.open(archive) as tar:
            members = {PurePosixPath(one.name).name: one for one in tar if one.isfile()}
            for name in missing:
                source = tar.extractfile(members[name])
                assert source is not None
                with replacing(folder / name) as part:
                    part.write_bytes(source.read())
    except (tarfile.TarError, KeyError) as error:
        raise DownloadError(
            f"{archive} does not hold {', '.join(missing)}", hint="Remove it, and try again."
        ) from error


def _check_md5(web: WebFile, file: Path) -> None:
    with file.open("rb") as handle:
        found = hashlib.file_digest(handle, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
    if found != web.md5:
        refused = file.with_name(f"{file.name}.refused")
        os.replace(file, refused)
        raise DownloadError(
            f"{web.url} is corrupt: its MD5 is {found}, not {web.md5}; kept as {refused}", hint="Try again later."
        )


def _refuse_offline(name: str) -> None:
    if offline():
        raise DownloadError(
            f"{name} is not downloaded, and the network is off",
            hint="Unset COLORIZE_OFFLINE and HF_HUB_OFFLINE, or give --data-root a local copy.",
        )


def _lock(folder: Path) -> FileLock:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return FileLock(str(folder / ".lock"))
    except OSError as error:
        raise DataError(f"cannot write {folder}: {error.strerror}", hint="Give another --data-root.") from error
