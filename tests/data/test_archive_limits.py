"""Archives of photos never fill the memory: members, headers and row groups are limited."""

from __future__ import annotations

import io
import itertools
import resource
import tarfile
import zipfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from colorize_cli.data import sources
from colorize_cli.data.dataset import decode_photo
from colorize_cli.data.sources import list_members, read_bytes
from colorize_cli.errors import DataError
from tests.formats import bombs

PHOTO = b"\x89PNG\r\n\x1a\n" + bytes(100)


def found(path: Path) -> dict[str, bytes]:
    return {member.name: data for member, data in read_bytes(list_members(path))}


@pytest.mark.slow
def test_a_member_that_inflates_to_gigabytes_is_a_broken_photo(tmp_path: Path) -> None:
    path = tmp_path / "set.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a/1.png", PHOTO)
        with archive.open("a/2.png", "w", force_zip64=True) as member:
            for _ in range(300):
                member.write(bytes(1 << 20))
        archive.writestr("a/3.png", PHOTO)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert found(path) == {"a/1.png": PHOTO, "a/2.png": b"", "a/3.png": PHOTO}
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000  # KiB


def test_members_that_share_their_bytes_are_broken(tmp_path: Path) -> None:
    path = tmp_path / "set.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a/1.png", PHOTO)
    data = path.read_bytes()
    at = data.index(b"PK\x01\x02")
    end = data.index(b"PK\x05\x06")
    entry = data[at:end]
    count = 50
    close = (
        data[end : end + 8]
        + count.to_bytes(2, "little") * 2
        + (len(entry) * count).to_bytes(4, "little")
        + data[end + 16 :]
    )
    path.write_bytes(data[:at] + entry * count + close)
    try:
        assert all(len(photo) <= len(PHOTO) for photo in found(path).values())
    except DataError as error:
        assert "set.zip" in str(error)


def test_a_tar_whose_member_claims_gigabytes_is_a_broken_photo(tmp_path: Path) -> None:
    path = tmp_path / "set.tar"
    with tarfile.open(path, "w") as archive:
        for name, size in (("a/1.png", len(PHOTO)), ("a/2.png", 6 << 30)):
            about = tarfile.TarInfo(name)
            about.size = size
            archive.addfile(about, io.BytesIO(PHOTO) if size == len(PHOTO) else None)
    with path.open("r+b") as file:
        file.truncate(7 << 30)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert found(path) == {"a/1.png": PHOTO, "a/2.png": b""}
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000  # KiB


def test_a_tar_whose_header_claims_gigabytes_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "set.tar"
    about = tarfile.TarInfo("././@LongLink")
    about.type, about.size = tarfile.GNUTYPE_LONGNAME, 6 << 30
    with path.open("wb") as file:
        file.write(about.tobuf(tarfile.GNU_FORMAT))
        file.truncate(7 << 30)
    with pytest.raises(DataError, match=r"set\.tar: a header of 6,442,"):
        found(path)


def test_a_photo_in_a_folder_that_is_larger_than_any_photo_is_broken(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "1.png").write_bytes(PHOTO)
    with (tmp_path / "a" / "2.png").open("wb") as file:
        file.truncate(6 << 30)
    assert found(tmp_path) == {"a/1.png": PHOTO, "a/2.png": b""}


def test_a_row_group_that_would_fill_the_memory_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "train-00000-of-00001.parquet"
    pq.write_table(pa.table({"image": [bytes(1 << 20)] * 4 + [PHOTO]}), path, compression="zstd")
    assert len(found(path)) == 5
    monkeypatch.setattr(sources, "_MOST_GROUP", 1 << 20)
    with pytest.raises(DataError, match=r"one of its row groups has \S+ bytes"):
        found(path)
    monkeypatch.setattr(sources, "_MOST_GROUP", 1 << 30)
    monkeypatch.setattr(sources, "MOST_BYTES", 1000)
    assert sorted(map(len, found(path).values())) == [0, 0, 0, 0, len(PHOTO)]


def test_a_training_photo_of_a_few_bytes_and_a_gigapixel_is_broken() -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for data in (bombs.png_header(30_000), bombs.huge_progressive(30_000), bombs.webp(16_000)):
        assert decode_photo(data, 64) == "broken"
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000  # KiB


def packed(path: Path, headers: dict[str, str]) -> Path:
    with tarfile.open(path, "w", format=tarfile.PAX_FORMAT) as archive:
        for number in range(3):
            member = tarfile.TarInfo(f"a/{number}.png")
            member.size = len(PHOTO)
            member.pax_headers = headers if number == 1 else {}
            archive.addfile(member, io.BytesIO(PHOTO))
    return path


@pytest.mark.parametrize("size", [-512, -1024, -1536, -2048, -1_000_000])
def test_a_member_of_negative_size_does_not_lead_back_for_ever(tmp_path: Path, size: int) -> None:
    path = packed(tmp_path / "set.tar", {"size": str(size)})
    with pytest.raises(DataError, match=r"cannot read .*set\.tar: (its headers go round in circles|Invalid argument)"):
        list(itertools.islice(list_members(path), 1000))


def test_what_an_archives_library_did_not_think_of_is_told_in_words(tmp_path: Path) -> None:
    sparse = {"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.size": "abc"}
    broken = [packed(tmp_path / "sparse.tar", sparse)]
    with zipfile.ZipFile(tmp_path / "set.zip", "w") as archive:
        archive.writestr("a.png", PHOTO)
    data = (tmp_path / "set.zip").read_bytes()
    at = data.index(b"PK\x01\x02")
    for name, place, new in (("version.zip", 6, b"\x63"), ("name.zip", 8, b"\0\x08")):
        changed = bytearray(data)
        changed[at + place : at + place + len(new)] = new
        changed[at + 46] = 0xFF
        (tmp_path / name).write_bytes(changed)
        broken.append(tmp_path / name)
    for path in broken:
        with pytest.raises(DataError, match="cannot read") as refused:
            list(list_members(path))
        assert "codec" not in str(refused.value) and "literal" not in str(refused.value)
