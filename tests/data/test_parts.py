"""Official splits and archives, as their owners give them, by name and by path."""

from __future__ import annotations

import io
import tarfile
import zipfile
from pathlib import Path

import pytest

from colorize_cli.data.dataset import Choice, split
from colorize_cli.data.layouts import find_celeba, find_imagenet, find_places_split, find_plain
from colorize_cli.data.named import Access, open_data
from colorize_cli.data.sources import read_bytes
from colorize_cli.errors import DataError
from tests.data.pictures import colorful, encoded

PHOTOS = [encoded(colorful(number), "JPEG") for number in range(8)]
PARTITION = "".join(f"{n:06}.jpg {part}\n" for n, part in enumerate((0, 0, 0, 1, 2, 2)))
CELEBA = [f"{n:06}.jpg" for n in range(6)]


def folder(root: Path, *names: str) -> Path:
    for number, name in enumerate(names):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(PHOTOS[number])
    return root


def zipped(file: Path, *names: str) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(file, "w") as archive:
        for number, name in enumerate(names):
            archive.writestr(name, PHOTOS[number])
    return file


def tarred(file: Path, *names: str) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(tar_of({name: PHOTOS[number] for number, name in enumerate(names)}))
    return file


def tar_of(files: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, data in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
    return out.getvalue()


def parts(path: Path) -> dict[str, str]:
    return {one.name.rpartition("/")[2]: one.part for one in find_plain(path)}


OF_CELEBA = dict(zip(CELEBA, ["train"] * 3 + ["val"] + ["test"] * 2, strict=True))


@pytest.mark.parametrize("listed", ["", "Eval/", "../"])
@pytest.mark.parametrize("pack", ["folder", "zip"])
def test_celebas_partition_is_found_wherever_it_lies(tmp_path: Path, listed: str, pack: str) -> None:
    top = tmp_path / "faces" / "set"
    if pack == "folder":
        folder(top / "img_align_celeba", *CELEBA)
    else:
        zipped(top / "img_align_celeba.zip", *(f"img_align_celeba/{name}" for name in CELEBA))
    (top / listed).mkdir(exist_ok=True)
    (top / listed / "list_eval_partition.txt").write_text(PARTITION)
    assert parts(top) == OF_CELEBA
    assert parts(top / ("img_align_celeba" if pack == "folder" else "img_align_celeba.zip")) == OF_CELEBA


def test_celebas_official_download_is_taken_as_it_is(tmp_path: Path) -> None:
    zipped(tmp_path / "CelebA/Img/img_align_celeba.zip", *(f"img_align_celeba/{name}" for name in CELEBA))
    (tmp_path / "CelebA/Eval").mkdir()
    (tmp_path / "CelebA/Eval/list_eval_partition.txt").write_text(PARTITION)
    found = find_celeba(tmp_path)
    assert {one.name: (one.part, one.label) for one in found} == {
        f"img_align_celeba/{name}": (part, None) for name, part in OF_CELEBA.items()
    }
    photos = open_data("celeba", 32, Choice(), Access(tmp_path, accepted=True))
    training, held = split(photos, 0.5, official=True)
    assert sorted(photos.names[i] for i in training) == [f"img_align_celeba/{name}" for name in CELEBA[:3]]
    assert [photos.names[i] for i in held] == ["img_align_celeba/000003.jpg"]


def test_kaggles_partition_is_a_table(tmp_path: Path) -> None:
    folder(tmp_path / "img_align_celeba" / "img_align_celeba", *CELEBA)
    (tmp_path / "list_eval_partition.csv").write_text("image_id,partition\n" + PARTITION.replace(" ", ","))
    assert parts(tmp_path) == OF_CELEBA
    assert {one.name.rpartition("/")[2]: one.part for one in find_celeba(tmp_path)} == OF_CELEBA


def test_a_numbered_photo_without_a_list_has_no_part(tmp_path: Path) -> None:
    assert set(parts(folder(tmp_path / "img_align_celeba", *CELEBA)).values()) == {""}


def test_coco_by_path(tmp_path: Path) -> None:
    zipped(tmp_path / "a/train2017.zip", "train2017/000000000009.jpg")
    zipped(tmp_path / "a/val2017.zip", "val2017/000000000139.jpg")
    zipped(tmp_path / "a/test2017.zip", "test2017/000000000001.jpg")
    wanted = {"000000000009.jpg": "train", "000000000139.jpg": "val", "000000000001.jpg": "test"}
    assert parts(tmp_path / "a") == wanted
    folder(
        tmp_path / "b/images",
        "train2017/000000000009.jpg",
        "val2017/000000000139.jpg",
        "test2017/000000000001.jpg",
    )
    assert parts(tmp_path / "b") == wanted


def test_a_validation_set_alone_may_be_learned_from(tmp_path: Path) -> None:
    assert set(parts(tarred(tmp_path / "val_256.tar", "val_256/Places365_val_00000001.jpg")).values()) == {""}
    assert set(parts(zipped(tmp_path / "val2017.zip", "val2017/000000000139.jpg")).values()) == {""}


def test_places_archives_by_name_and_by_path(tmp_path: Path) -> None:
    names = ("places365_standard/train/airfield/00000001.jpg", "places365_standard/val/bow_window-indoor/x_val_2.jpg")
    tar = tarred(tmp_path / "places365standard_easyformat.tar", *names)
    assert parts(tar) == parts(tmp_path) == {"00000001.jpg": "train", "x_val_2.jpg": "val"}
    assert [(one.part, one.label) for one in find_places_split(tmp_path)] == [
        ("train", "airfield"),
        ("val", "bow_window/indoor"),
    ]
    both = tmp_path / "both"
    tarred(both / "train_256_places365standard.tar", "data_256/a/airfield/00000001.jpg")
    tarred(both / "val_256.tar", "val_256/Places365_val_00000002.jpg")
    assert parts(both) == {"00000001.jpg": "train", "Places365_val_00000002.jpg": "val"}
    assert [one.part for one in find_places_split(both)] == ["train", "val"]


def test_imagenets_tars_within_a_tar(tmp_path: Path) -> None:
    classes = {f"n0144076{n}": {f"n0144076{n}_{n}.JPEG": PHOTOS[n], f"n0144076{n}_9.JPEG": PHOTOS[7]} for n in range(3)}
    outer = tar_of({f"{name}.tar": tar_of(files) for name, files in classes.items()})
    (tmp_path / "ILSVRC2012_img_train.tar").write_bytes(outer)
    tarred(tmp_path / "ILSVRC2012_img_val.tar", "ILSVRC2012_val_00000001.JPEG", "ILSVRC2012_val_00000002.JPEG")
    for found in (find_imagenet(tmp_path), find_plain(tmp_path)):
        assert [one.part for one in found] == ["train"] * 6 + ["val"] * 2
        assert [one.label for one in found[:6]] == [name for name in classes for _ in range(2)]
        read = {one.name: data for one, data in read_bytes(found)}
        assert read["n01440762/n01440762_2.JPEG"] == PHOTOS[2] and read["n01440761/n01440761_9.JPEG"] == PHOTOS[7]
        assert read["ILSVRC2012_val_00000002.JPEG"] == PHOTOS[1]


def test_a_tar_within_a_tar_that_is_cut_is_refused(tmp_path: Path) -> None:
    inner = tar_of({"a.jpg": PHOTOS[0]})
    (tmp_path / "x.tar").write_bytes(tar_of({"n01.tar": inner[: len(PHOTOS[0]) // 2 + 512], "b.jpg": PHOTOS[1]}))
    with pytest.raises(DataError, match=r"cannot read .*x\.tar"):
        find_plain(tmp_path / "x.tar")


def test_folders_named_for_their_part_are_kept_apart(tmp_path: Path) -> None:
    names = ("train/cat/1.jpg", "Valid/cat/2.jpg", "test/cat/3.jpg", "more/4.jpg")
    assert parts(folder(tmp_path / "a", *names)) == {"1.jpg": "train", "2.jpg": "val", "3.jpg": "test", "4.jpg": ""}
    only = folder(tmp_path / "b", "train/cat/1.jpg", "other/cat/2.jpg")
    assert set(parts(only).values()) == {""}


def test_without_a_validation_part_some_of_the_training_part_is_held_out(tmp_path: Path) -> None:
    zipped(tmp_path / "train2017.zip", *(f"train2017/{n}.jpg" for n in range(8)))
    photos = open_data(str(tmp_path), 32, Choice(), Access())
    training, held = split(photos, 0.5, official=True)
    assert (len(training), len(held)) != (8, 0) and len(training) + len(held) == 8
