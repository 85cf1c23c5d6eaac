"""Official local copies, laid out as their owners do."""

from __future__ import annotations

import tarfile
from pathlib import Path

import pytest

from colorize_cli.data.dataset import Choice
from colorize_cli.data.layouts import find_celeba, find_coco, find_imagenet, find_kaggle, find_places
from colorize_cli.data.named import Access, open_data, sample_windows
from colorize_cli.data.terms import Terms, record_file, require
from colorize_cli.errors import DataError, UsageError
from tests.data.pictures import colorful, encoded


def put(root: Path, *names: str) -> Path:
    for number, name in enumerate(names):
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(encoded(colorful(number), "JPEG"))
    return root


@pytest.mark.parametrize(
    "place", ["celeba/img_align_celeba", "img_align_celeba", "CelebA/img_align_celeba/img_align_celeba"]
)
def test_celeba_with_its_partition(tmp_path: Path, place: str) -> None:
    put(tmp_path, f"{place}/000001.jpg", f"{place}/000002.jpg", f"{place}/000003.jpg")
    top = tmp_path / place.split("img_align")[0]
    (top / "list_eval_partition.txt").write_text("000001.jpg 0\n000002.jpg 1\n000003.jpg 2\n")
    found = find_celeba(tmp_path)
    assert [(one.name, one.label, one.part) for one in found] == [
        ("img_align_celeba/000001.jpg", None, "train"),
        ("img_align_celeba/000002.jpg", None, "val"),
        ("img_align_celeba/000003.jpg", None, "test"),
    ]


def test_celeba_without_its_partition_says_no_parts(tmp_path: Path) -> None:
    assert [one.part for one in find_celeba(put(tmp_path, "celeba/img_align_celeba/000001.jpg"))] == [""]


def test_places_classes_are_in_the_path(tmp_path: Path) -> None:
    standard = put(
        tmp_path / "1", "places365/data_256_standard/c/canal/natural/1.jpg", "places365/data_256/b/beach/2.jpg"
    )
    assert [one.label for one in find_places(standard)] == ["canal/natural"]
    easy = put(tmp_path / "2", "places365_standard/train/canal-natural/1.jpg", "places365_standard/val/beach/2.jpg")
    assert [(one.label, one.part) for one in find_places(easy)] == [("canal/natural", "train")]


def test_places_validation_set_alone_gives_what_there_is(tmp_path: Path) -> None:
    put(tmp_path, "places365/val_256/Places365_val_00000001.jpg", "places365/val_256/Places365_val_00000002.jpg")
    notes: list[str] = []
    access = Access(tmp_path, accepted=True, on_note=notes.append)
    photos = open_data("places365", 32, Choice(18_000, ("beach",)), access)
    assert len(photos) == 2
    assert "does not say its photos' classes" in notes[0] and "there are 2 photos, not the 18000" in notes[1]


def test_places_validation_classes_come_from_the_official_lists(tmp_path: Path) -> None:
    put(tmp_path, "places365/val_256/Places365_val_00000001.jpg", "places365/val_256/Places365_val_00000002.jpg")
    (tmp_path / "places365/categories_places365.txt").write_text("/b/beach 0\n/c/canal/natural 1\n")
    (tmp_path / "places365/places365_val.txt").write_text(
        "Places365_val_00000001.jpg 1\nPlaces365_val_00000002.jpg 0\n"
    )
    assert [one.label for one in find_places(tmp_path)] == ["canal/natural", "beach"]
    access = Access(tmp_path, accepted=True)
    assert open_data("places365", 32, Choice(9, ("beach",)), access).labels == ["beach"]


def test_places_tars_are_read_as_they_come(tmp_path: Path) -> None:
    put(tmp_path / "in", "val_256/Places365_val_00000001.jpg")
    (tmp_path / "places365").mkdir()
    with tarfile.open(tmp_path / "places365/val_256.tar", "w") as archive:
        archive.add(tmp_path / "in/val_256", "val_256")
    found = find_places(tmp_path)
    assert [(one.name, one.label, one.part) for one in found] == [("val_256/Places365_val_00000001.jpg", None, "val")]


def test_coco_imagenet_and_kaggle(tmp_path: Path) -> None:
    put(tmp_path, "coco/train2017/1.jpg", "coco/val2017/2.jpg", "imagenet/train/n01440764/n01440764_1.JPEG")
    put(tmp_path, "imagenet/val/ILSVRC2012_val_1.JPEG", "kaggle-colorization/train_color/1.jpg")
    put(tmp_path, "kaggle-colorization/test_color/2.jpg", "kaggle-colorization/train_black/1.jpg")
    assert [(one.name, one.part, one.label) for one in find_coco(tmp_path)] == [
        ("train2017/1.jpg", "train", None),
        ("val2017/2.jpg", "val", None),
    ]
    assert [(one.label, one.part) for one in find_imagenet(tmp_path)] == [("n01440764", "train"), (None, "val")]
    assert [(one.name, one.part) for one in find_kaggle(tmp_path)] == [
        ("train_color/1.jpg", "train"),
        ("test_color/2.jpg", "val"),
    ]


def test_a_copy_that_is_not_there_says_what_is_expected_and_where_to_get_it(tmp_path: Path) -> None:
    for name, wanted in (("imagenet", "image-net.org"), ("kaggle-colorization", "train_color")):
        with pytest.raises(DataError) as caught:
            open_data(name, 32, Choice(), Access(tmp_path, accepted=True))
        assert wanted in str(caught.value) and str(tmp_path) in str(caught.value) and "--data-root" in str(caught.value)
    with pytest.raises(DataError, match="samples, celeba"):
        open_data("celebs", 32, Choice(), Access(tmp_path))


def test_terms_are_asked_for_once_and_again_when_they_change() -> None:
    asked: list[str] = []

    def ask(question: str) -> bool:
        asked.append(question)
        return True

    terms = Terms("Faces", "for research only", "http://example.org")
    require("faces", terms, False, ask)
    require("faces", terms, False, None)
    assert len(asked) == 1 and "for research only" in asked[0] and record_file().exists()
    with pytest.raises(UsageError, match="for nobody"):
        require("faces", Terms("Faces", "for nobody", "http://example.org"), False, None)
    require("others", terms, True, None)


def test_samples_need_no_data_at_all() -> None:
    photos = sample_windows()
    assert len(photos) == 100 and len(set(photos.names)) == 100
    assert all(min(photos.rgb(i).shape[:2]) > 100 for i in range(0, 100, 9))
