"""Object stores by fsspec, `s3://`, `gs://`, `hf://` and others: list, read, and write whole or not at all.

In:  URLs, options of the store such as an endpoint; credentials come from the usual environment
Out: names, facts, files that were fetched; objects that are there as a whole or not at all
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import secrets
import time
from collections.abc import Callable, Iterator, Sequence
from copy import copy
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO, TypeVar, cast

from colorize_cli.errors import ColorizeError, MissingPackageError, NothingToDoError, UsageError, one_line, quoted
from colorize_cli.files.contact import check_connection, credentials_hint, first_answer

_URL = re.compile(r"([a-z][a-z0-9+]+):/{1,2}(?=[^/])", re.IGNORECASE)
_PACKAGES = {"s3": "s3fs", "s3a": "s3fs", "gs": "gcsfs", "gcs": "gcsfs", "hf": "huggingface_hub"}
_NO_STORES = frozenset({"http", "https", "ftp", "sftp", "ssh"})  # nothing there is listed or replaced as a whole
_WHOLE = frozenset({"s3", "s3a", "gs", "gcs", "hf", "memory"})  # an object of these has all its bytes, or is not there
_TRIES, _WAIT = 6, 0.2  # seconds before the second try; twice as long before each further one
_PATIENCE = 60  # seconds after which nothing is tried again; the stores' libraries try several times of their own
_BEGINS = frozenset({"s3", "s3a", "gs", "gcs"})  # an upload of these can be given up before there is anything
_PROBE = "colorize-report.json"
_BLOCK = 64 << 10  # bytes of a ranged read
_TIMES = ("LastModified", "mtime", "updated", "last_modified", "created")  # what stores call them
_TAGS = ("ETag", "etag", "blob_id", "generation")
_FINAL = (FileNotFoundError, PermissionError, IsADirectoryError, NotADirectoryError, ColorizeError)

Result = TypeVar("Result")


def is_url(text: str | Path) -> bool:
    """Whether a text names an object of a store; a path that was made of a URL, and lost a slash, does so, too."""
    return _URL.match(str(text)) is not None


def as_url(text: str | Path) -> str:
    """A URL with both of its slashes."""
    return _URL.sub(lambda match: f"{match[1].lower()}://", str(text), count=1)


def parse_options(texts: Sequence[str]) -> dict[str, Any]:
    """Options of a store: `KEY=VALUE`; numbers, true, false and JSON mean what they say.

    Raises:
        UsageError: one has no `=`.
    """
    found = dict[str, Any]()
    for text in texts:
        name, sign, value = text.partition("=")
        if not sign or not name.strip():
            raise UsageError(
                f"--storage-option {quoted(text)} is no KEY=VALUE", hint="Such as endpoint_url=http://host."
            )
        try:
            found[name.strip()] = json.loads(value)
        except ValueError:
            found[name.strip()] = value
    return found


@dataclass(frozen=True)
class ObjectFacts:
    """What a store says of an object.

    Attributes:
        size: its bytes.
        mtime_ns: when it was written; 0 where the store does not say.
        tag: changes whenever it is written anew; empty where the store has none.
    """

    size: int
    mtime_ns: int
    tag: str


class Store:
    """One store, and a place in it that names are below.

    Args:
        url: a folder, such as `s3://archive/scans`.
        options: of the store's library.

    Raises:
        MissingPackageError: the store's library is not installed.
        UsageError: there is no such kind of store, or it does not know an option.
        NothingToDoError: its server cannot be reached.
    """

    def __init__(self, url: str, options: dict[str, Any]) -> None:
        import fsspec

        self.url = as_url(url).rstrip("/")
        self.scheme = self.url.partition(":")[0]
        self._has_answered = False
        self.shared = set[str]()  # folders that `walk` came across whose keys objects have, too
        package = _PACKAGES.get(self.scheme, "")
        if self.scheme in _NO_STORES:
            raise UsageError(
                f"{self.scheme}:// is no object store",
                hint="Photos and results are on this machine, or in s3://, gs:// or hf://; download others first.",
            )
        if not package and self.scheme not in fsspec.available_protocols():
            raise UsageError(f"no such kind of store: {self.scheme}://", hint="Such as s3://, gs:// or hf://.")
        try:
            self.system = fsspec.filesystem(self.scheme, use_listings_cache=False, skip_instance_cache=True, **options)
        except ImportError as error:
            if package:
                raise MissingPackageError(f"{self.scheme}:// needs {package}", package=package) from None
            raise UsageError(f"{self.scheme}:// cannot be used: {one_line(error)}") from None  # it names the package
        except (ValueError, TypeError) as error:
            raise UsageError(f"{self.url} cannot be opened: {one_line(error)}", hint="See --storage-option.") from None
        self.root = str(self.system._strip_protocol(self.url)).rstrip("/")
        check_connection(self.url, options)

    def walk(self, recursive: bool) -> Iterator[tuple[str, list[str]]]:
        """Folders below the place, as paths of the store, and the names of the objects in each; folder by folder.

        Where keys are no paths, a name ends with a slash, or is empty: of an object whose key ends with one, and once
        for all objects below a folder without a name.

        Raises:
            NothingToDoError: it cannot be listed.
        """
        waiting = [self.root]
        while waiting:
            folder = waiting.pop()
            objects, below = list[str](), list[str]()
            for entry in self._listed(folder):
                name, is_folder = str(entry["name"]), entry.get("type") == "directory"
                if name == f"{folder}/" and is_folder:
                    if _is_prefix(entry):
                        objects.append("/")
                elif is_folder:
                    below.append(name.rstrip("/"))
                elif name != folder and (not name.endswith("/") or entry.get("size")):  # the mark of a folder is empty
                    objects.append(name.removeprefix(f"{folder}/"))
            self.shared |= {f"{folder}/{name}" for name in objects}.intersection(below)
            yield folder, objects
            waiting += sorted((name for name in below if recursive and name != folder), reverse=True)

    def _listed(self, folder: str) -> list[dict[str, Any]]:
        def ask() -> list[dict[str, Any]]:
            return cast("list[dict[str, Any]]", retried(lambda: self.system.ls(folder, detail=True)))

        try:
            entries = ask() if self._has_answered else first_answer(self.url, ask, "cannot be listed")
        except FileNotFoundError:
            entries = []
        except OSError as error:
            folder = f"{self.scheme}://{folder}"
            raise NothingToDoError(
                f"{folder} cannot be listed: {one_line(error)}", hint=credentials_hint(self.url)
            ) from None
        self._has_answered = True
        return entries

    def facts(self, name: str) -> ObjectFacts | None:
        """What the store says of an object; None where there is none of that name.

        Raises:
            OSError: it does not answer.
        """
        try:
            told = retried(lambda: self.system.info(self._path(name)))
        except FileNotFoundError:
            return None
        if told.get("type") == "directory":
            return None
        when = next((told[key] for key in _TIMES if told.get(key)), 0)
        tag = next((str(told[key]) for key in _TAGS if told.get(key)), "")
        return ObjectFacts(int(told.get("size") or 0), _nanoseconds(when), tag)

    def check_that_it_takes(self) -> None:
        """Begin to write an object, and leave it: what cannot be written is known before photos are worked on for it.

        Raises:
            NothingToDoError: no answer, no credentials, no such bucket, or one that may not be written.
        """
        with contextlib.suppress(PermissionError, FileNotFoundError):  # of looking: writing may be allowed
            first_answer(self.url, lambda: self.facts(_PROBE), "does not answer")
        if self.scheme in _BEGINS:
            try:
                first_answer(self.url, self._begin_and_leave, "takes no results")
            except FileNotFoundError:
                bucket = f"{self.scheme}://{self.root.partition('/')[0]}"
                raise NothingToDoError(f"there is no bucket {bucket}", hint="Is it spelt right?") from None

    def _begin_and_leave(self) -> None:
        """Begin an upload of many parts, and give it up before the first: nothing is there then."""
        file = self.system.open(self._path(_PROBE), "wb", autocommit=False)
        try:
            file._initiate_upload()
        except (PermissionError, FileNotFoundError):
            raise
        except Exception:
            return  # the server has no such uploads, or is busy: the photos will tell
        finally:
            file.closed = True  # or it would be written in the end
        with contextlib.suppress(Exception):
            file.discard()

    def opened(self, name: str) -> BinaryIO:
        """An object, to be read where the reader looks, by ranged reads."""
        return cast(BinaryIO, self.system.open(self._path(name), "rb", block_size=_BLOCK))

    def fetch(self, name: str, to: Path, size: int) -> None:
        """Fetch an object into a file.

        Raises:
            OSError: it cannot be read, or not all of its bytes came.
        """

        def once() -> None:
            self.system.get_file(self._path(name), str(to))
            if (came := to.stat().st_size) != size:
                raise OSError(f"{came:,} of {size:,} bytes came")

        retried(once)

    def put(self, file: Path, name: str) -> None:
        """Write a file as an object, whole or not at all.

        Raises:
            OSError: it cannot be written, or is not there with all its bytes.
        """
        size, path = file.stat().st_size, self._path(name)

        def once() -> None:
            if self.scheme in _WHOLE:
                self.system.put_file(str(file), path)
            else:  # under a key of its own first
                part = f"{path}.{secrets.token_hex(4)}.part"
                try:
                    self.system.makedirs(path.rpartition("/")[0], exist_ok=True)
                    self.system.put_file(str(file), part)
                    self.system.mv(part, path)
                except BaseException:
                    with contextlib.suppress(Exception):
                        self.system.rm_file(part)
                    raise
            found = self.facts(name)
            if found is None or found.size != size:
                raise OSError("it is not there with all its bytes")

        retried(once)

    def name_parent(self) -> None:
        """Let the place be the folder that holds it: it is an object itself."""
        self.url, self.root = self.url.rpartition("/")[0], self.root.rpartition("/")[0]

    def at(self, url: str) -> Store:
        """Another place of the same store."""
        other = copy(self)
        other.url, other.root, other.shared = url, str(self.system._strip_protocol(url)).rstrip("/"), set()
        return other

    def _path(self, name: str) -> str:
        return f"{self.root}/{name}" if name else self.root


def retried(action: Callable[[], Result]) -> Result:
    """Do something that may fail for a while: a store that is busy, a connection that is cut."""
    until = time.monotonic() + _PATIENCE
    for number in range(_TRIES):
        try:
            return action()
        except _FINAL:
            raise
        except Exception as error:
            if number == _TRIES - 1 or time.monotonic() > until:
                raise error if isinstance(error, OSError) else OSError(one_line(error)) from error
            time.sleep(_WAIT * 2**number)
    raise AssertionError


def _is_prefix(entry: dict[str, Any]) -> bool:
    """Whether what is listed is the start of keys, as S3 and GCS tell it, and no object that marks a folder."""
    kind = entry.get("StorageClass") or entry.get("storageClass")
    return kind == "DIRECTORY" and not any(entry.get(key) for key in (*_TIMES, *_TAGS))


def _nanoseconds(when: object) -> int:
    if isinstance(when, datetime):
        return int(when.timestamp() * 1_000_000) * 1000
    if isinstance(when, int | float):
        return int(when * 1e9)
    with contextlib.suppress(ValueError):
        return int(datetime.fromisoformat(str(when).replace("Z", "+00:00")).timestamp() * 1_000_000) * 1000
    return 0


def is_safe(relative: str) -> bool:
    """Whether a key is a path below its place, as a file system has them."""
    parts = relative.split("/")
    return bool(relative) and "\0" not in relative and not {"", ".", ".."}.intersection(parts) and os.sep == "/"
