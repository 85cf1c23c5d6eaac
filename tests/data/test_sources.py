from __future__ import annotations

import tarfile
import zipfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from colorize_cli.data.sources import list_members, read_bytes
from colorize_cli.errors import DataError
from tests.data.pictures import colorful, encoded, write_folder


def as_tar(folder: Path, to: Path) -> Path:
    with tarfile.open(to, "w") as archive:
        archive.add(folder, ".")
    return to


def as_zip(folder: Path, to: Path, how: int) -> Path:
    with zipfile.ZipFile(to, "w", how) as archive:
        for file in sorted(folder.rglob("*.png")):
            archive.write(file, file.relative_to(folder).as_posix())
    return to


def as_parquet(to: Path, count: int, group: int = 2, struct: bool = True) -> Path:
    data = [encoded(colorful(number)) for number in range(count)]
    images = [{"bytes": one, "path": f"{i:03}.png"} for i, one in enumerate(data)] if struct else data
    pq.write_table(pa.table({"image": images, "label": list(range(count))}), to, row_group_size=group)
    return to


def test_a_folder_a_tar_and_a_zip_hold_the_same_members(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "photos", 3)
    (folder / "s" / "_").mkdir()
    (folder / "s" / "_" / "x.jpg").write_bytes(encoded(colorful(9), "JPEG"))
    (folder / "notes.txt").write_text("no photo")
    wanted = [(one.name, one.source, one.label, data) for one, data in read_bytes(list_members(folder))]
    assert [row[:3] for row in wanted] == [
        ("s/_/x.jpg", "s", None),
        ("s/a/000.png", "s", "s/a"),
        ("s/a/001.png", "s", "s/a"),
        ("s/a/002.png", "s", "s/a"),
    ]
    tar = as_tar(folder, tmp_path / "photos.tar")
    assert sorted((m.name, m.source, m.label, data) for m, data in read_bytes(list_members(tar))) == sorted(wanted)
    (folder / "s" / "_" / "x.jpg").unlink()
    for how in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        zipped = as_zip(folder, tmp_path / f"photos-{how}.zip", how)
        assert [(m.name, m.source, m.label, data) for m, data in read_bytes(list_members(zipped))] == wanted[1:]


@pytest.mark.parametrize("struct", [True, False])
def test_parquet_rows_are_photos_with_labels(tmp_path: Path, struct: bool) -> None:
    found = list(read_bytes(list_members(as_parquet(tmp_path / "train-00000-of-00001.parquet", 5, struct=struct))))
    assert [data for _, data in found] == [encoded(colorful(number)) for number in range(5)]
    assert [member.label for member, _ in found] == ["0", "1", "2", "3", "4"]
    assert {member.part for member, _ in found} == {"train"}
    assert len({member.name for member, _ in found}) == 5
    if struct:
        assert found[3][0].name == "train-00000-of-00001/003.png"


def test_a_folder_of_shards_is_its_shards(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "photos", 2)
    shards = tmp_path / "shards"
    shards.mkdir()
    as_tar(folder, shards / "1.tar")
    as_parquet(shards / "2.parquet", 2)
    assert len(list(list_members(shards))) == 4


def test_broken_and_missing_sets_are_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="nowhere"):
        list(list_members(tmp_path / "nowhere"))
    for name in ("x.tar", "x.zip", "x.parquet"):
        (tmp_path / name).write_bytes(b"not an archive at all" * 100)
        with pytest.raises(DataError, match=name):
            list(list_members(tmp_path / name))
    (tmp_path / "x.doc").write_bytes(b"")
    with pytest.raises(DataError, match="no data set"):
        list(list_members(tmp_path / "x.doc"))


def test_parquet_without_pictures_is_refused(tmp_path: Path) -> None:
    pq.write_table(pa.table({"number": [1, 2]}), tmp_path / "x.parquet")
    with pytest.raises(DataError, match="number"):
        list(list_members(tmp_path / "x.parquet"))
