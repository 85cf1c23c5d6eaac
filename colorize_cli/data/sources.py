"""Find the photos of a data set without reading them: folders, tar and zip archives, parquet.

In:  a path, or several
Out: `Member`s: where each photo's bytes lie, its stable name, and the source, label and part that its place says
"""

from __future__ import annotations

import itertools
import lzma
import tarfile
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO, cast

import pyarrow
import pyarrow.parquet as pq

from colorize_cli.errors import DataError, in_words, printable
from colorize_cli.files.below import files_below
from colorize_cli.files.machine import half_of_memory
from colorize_cli.files.small_files import kind_of

PHOTO_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff", ".bmp"})
MOST_BYTES = 256 << 20  # of one photo
_MOST_HEADER, _MOST_GROUP = 1 << 20, 8 << 30
ARCHIVE_SUFFIXES = frozenset({".tar", ".zip", ".parquet"})


@dataclass(frozen=True)
class Member:
    """One photo of a data set.

    Attributes:
        name: its path inside the data set; decides the split, so it never depends on where the set lies.
        source: where the set took it from (the first folder), or "" where the path does not say.
        label: its class, or None where there is none (folder `_`, or no folder).
        file: what holds its bytes.
        offset, size: where in the file; size -1 is the whole file. In parquet the row group and the row; in a zip
            the name says it.
        part: "train", "val" or "test" where the data set says so, else "".
    """

    name: str
    source: str
    label: str | None
    file: Path
    offset: int = 0
    size: int = -1
    part: str = ""


def member_at(name: str, file: Path, offset: int = 0, size: int = -1) -> Member:
    """A member whose name says `[source/]label/name.ext`."""
    parts = PurePosixPath(name).parts
    source = parts[0] if len(parts) > 2 else ""
    label = parts[-2] if len(parts) > 1 and parts[-2] != "_" else None
    named = f"{source}/{label}" if source and label else label
    return Member(name, source, named, file, offset, size)


def files_of(path: Path) -> list[Path]:
    """The files that make up the data set at `path`, in order of their names: its archives, or else its photos.

    Raises:
        DataError: nothing is there.
        UnreadableFolderError: a folder cannot be read.
    """
    if not path.exists():
        raise DataError(f"no data set at {path}", hint="Give --data a folder of photos, .tar, .zip or .parquet files.")
    if not path.is_dir():
        if not path.is_file():
            kind = kind_of(path.stat().st_mode)
            raise DataError(f"{path} is {kind}, no data set", hint="Give --data a folder of photos, or an archive.")
        if path.suffix.lower() not in ARCHIVE_SUFFIXES:
            raise DataError(
                f"{path} is no data set", hint="Give --data a folder of photos, .tar, .zip or .parquet files."
            )
        return [path]
    files = files_below(path)
    archives = [file for file in files if file.suffix.lower() in ARCHIVE_SUFFIXES]
    return archives or [file for file in files if file.suffix.lower() in PHOTO_SUFFIXES]


def list_members(path: Path) -> Iterator[Member]:
    """List a data set's photos, in an order that depends on their names alone.

    Raises:
        DataError: nothing is there, or an archive is broken.
    """
    files = files_of(path)
    for file in files:
        if file.suffix.lower() == ".tar":
            yield from _list_tar(file)
        elif file.suffix.lower() == ".zip":
            yield from _list_zip(file)
        elif file.suffix.lower() == ".parquet":
            yield from _list_parquet(file, path)
        else:
            yield member_at(file.relative_to(path).as_posix(), file)


def _list_tar(file: Path) -> Iterator[Member]:
    try:
        with file.open("rb") as handle, tarfile.open(None, "r:", cast(Any, _Bounded(handle))) as archive:
            for entry in _entries(archive):
                suffix = PurePosixPath(entry.name).suffix.lower()
                if entry.isfile() and suffix in PHOTO_SUFFIXES:
                    yield member_at(entry.name.removeprefix("./"), file, entry.offset_data, entry.size)
                elif entry.isfile() and suffix == ".tar":
                    yield from _list_inner_tar(file, entry)
    except (tarfile.TarError, EOFError, OSError, ValueError) as error:
        raise _broken(file, error) from error


def _entries(archive: tarfile.TarFile) -> Iterator[tarfile.TarInfo]:
    """The members of a tar; one whose size is negative would lead back to itself, without an end."""
    at = -1
    for entry in archive:
        if entry.size < 0 or entry.offset_data <= at:
            raise tarfile.ReadError("its headers go round in circles")
        at = entry.offset_data
        yield entry


def _list_inner_tar(file: Path, outer: tarfile.TarInfo) -> Iterator[Member]:
    """The photos of a tar within a tar, as ImageNet's training set has one for each class."""
    end, folder = outer.offset_data + outer.size, PurePosixPath(outer.name.removeprefix("./")).with_suffix("")
    with file.open("rb") as handle:
        handle.seek(outer.offset_data)
        with tarfile.open(None, "r:", cast(Any, _Bounded(handle))) as archive:  # its offsets are the whole file's
            for entry in _entries(archive):
                if entry.offset_data + entry.size > end:
                    raise tarfile.ReadError(f"{outer.name} is cut short")
                if entry.isfile() and PurePosixPath(entry.name).suffix.lower() in PHOTO_SUFFIXES:
                    yield member_at((folder / entry.name).as_posix(), file, entry.offset_data, entry.size)


def _list_zip(file: Path) -> Iterator[Member]:
    try:
        with zipfile.ZipFile(file) as archive:
            for entry in archive.infolist():
                if not entry.is_dir() and PurePosixPath(entry.filename).suffix.lower() in PHOTO_SUFFIXES:
                    yield member_at(entry.filename, file)
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise _broken(file, error) from error


def _list_parquet(file: Path, root: Path) -> Iterator[Member]:
    try:
        table = pq.ParquetFile(file)
        column = image_column(table)
        label = next((name for name in ("label", "labels", "class") if name in table.schema_arrow.names), None)
        stem = file.stem if file == root else file.relative_to(root).with_suffix("").as_posix()
        for group in range(table.num_row_groups):
            names, labels = _names_and_labels(table, group, column, label, file)
            for row, (name, value) in enumerate(zip(names, labels, strict=True)):
                known = name or f"{group}-{row}"
                tag = None if value is None else str(value)
                yield Member(f"{stem}/{known}", "", tag, file, group, row, _part_of(file.name))
    except (pyarrow.ArrowException, OSError) as error:
        raise _broken(file, error) from error


def _names_and_labels(
    table: pq.ParquetFile, group: int, column: str, label: str | None, file: Path
) -> tuple[list[str | None], list[object]]:
    _check_group(table, group, file)
    wanted = [f"{column}.path"] + ([label] if label else [])
    read = table.read_row_group(group, columns=wanted)
    rows = table.metadata.row_group(group).num_rows
    names: list[str | None] = [None] * rows
    if column in read.column_names:
        names = [value.get("path") if isinstance(value, dict) else None for value in read.column(column).to_pylist()]
    return names, read.column(label).to_pylist() if label else [None] * rows


def image_column(table: pq.ParquetFile) -> str:
    """The column that holds pictures: bytes, or a struct with a field `bytes` as the Hub's data sets have it.

    Raises:
        DataError: there is none.
    """
    schema = table.schema_arrow
    for field in schema:
        binary = pyarrow.types.is_binary(field.type) or pyarrow.types.is_large_binary(field.type)
        struct = pyarrow.types.is_struct(field.type) and any(part.name == "bytes" for part in field.type)
        if struct or binary:
            return str(field.name)
    raise DataError(f"no column of pictures in a parquet file; it has: {', '.join(schema.names)}")


def _part_of(name: str) -> str:
    """The part that a Hub file's name says: train-00000-of-00019.parquet, valid-..., test-..."""
    first = name.split("-")[0].split(".")[0]
    return {"train": "train", "valid": "val", "validation": "val", "val": "val", "test": "test"}.get(first, "")


def read_bytes(members: Iterable[Member]) -> Iterator[tuple[Member, bytes]]:
    """Read members' files one after the other; those of one archive, and of one row group, are best kept together.

    Raises:
        DataError: a file is gone or cut short.
    """
    for file, group in itertools.groupby(members, key=lambda member: member.file):
        suffix = file.suffix.lower()
        try:
            if suffix == ".parquet":
                yield from _read_parquet(file, group)
            elif suffix == ".zip":
                with zipfile.ZipFile(file) as archive:
                    for member in group:
                        yield member, _inflated(archive, member.name)
            else:
                with file.open("rb") as handle:
                    for member in group:
                        handle.seek(member.offset)
                        yield member, _read(handle, member.size)
        except (OSError, ValueError, NotImplementedError, zipfile.BadZipFile, pyarrow.ArrowException) as error:
            raise _broken(file, error) from error


def _inflated(archive: zipfile.ZipFile, name: str) -> bytes:
    try:
        if archive.getinfo(name).file_size > MOST_BYTES:
            return b""
        return archive.read(name)
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError, lzma.LZMAError):
        return b""  # one broken photo, which is dropped and counted


def _read(handle: BinaryIO, size: int) -> bytes:
    """A photo's bytes; nothing of one that is larger than any photo, which is dropped and counted as a broken one."""
    if size > MOST_BYTES:
        return b""
    data = handle.read(MOST_BYTES + 1 if size < 0 else size)
    return data if len(data) <= MOST_BYTES else b""


class _Bounded:
    """An archive's file whose headers cannot ask for any number of bytes: names and comments are short."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def read(self, size: int = -1) -> bytes:
        """Bytes of a header.

        Raises:
            TarError: more are asked for than any header has.
        """
        if not 0 <= size <= _MOST_HEADER:
            raise tarfile.TarError(f"a header of {size:,} bytes")
        return self._file.read(size)

    def seek(self, offset: int, whence: int = 0) -> int:
        """See `io.IOBase`."""
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        """See `io.IOBase`."""
        return self._file.tell()


def _read_parquet(file: Path, members: Iterable[Member]) -> Iterator[tuple[Member, bytes]]:
    table = pq.ParquetFile(file)
    column = image_column(table)
    for group, wanted in itertools.groupby(members, key=lambda member: member.offset):
        _check_group(table, group, file)
        rows = table.read_row_group(group, columns=[column]).column(column)
        for member in wanted:
            value = rows[member.size].as_py()
            data = (value["bytes"] if isinstance(value, dict) else value) or b""
            yield member, data if len(data) <= MOST_BYTES else b""


def _check_group(table: pq.ParquetFile, group: int, file: Path) -> None:
    """Refuse a row group that would fill the memory.

    Raises:
        DataError: it would.
    """
    about = table.metadata.row_group(group)
    size = sum(about.column(number).total_uncompressed_size for number in range(about.num_columns))
    if size > min(_MOST_GROUP, half_of_memory()):
        raise DataError(
            f"{file}: one of its row groups has {size:,} bytes, which is too much to be held",
            hint="Write it again with smaller row groups.",
        )


def _broken(file: Path, error: Exception) -> DataError:
    return DataError(f"cannot read {printable(file)}: {in_words(error)}", hint="Copy or pull it again.")
