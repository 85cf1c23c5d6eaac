"""Official local copies of known data sets: how their owners lay them out.

In:  the folder that holds data sets
Out: members, with labels and parts as the data set says them; none where there is no copy
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath

from colorize_cli.data.sources import PHOTO_SUFFIXES, Member, list_members
from colorize_cli.data.splits import lines_of, partition_in, with_parts
from colorize_cli.files.below import files_below

Finder = Callable[[Path], list[Member]]


def _places(root: Path, names: Sequence[str]) -> Iterator[Path]:
    """Where a data set may lie under the root: in a folder of its name, or in the root itself."""
    for name in names:
        yield root / name
    yield root


def _folder_members(folder: Path, part: str, name: str | None = None) -> Iterator[Member]:
    for file in files_below(folder):
        if file.suffix.lower() in PHOTO_SUFFIXES:
            inside = file.relative_to(folder).as_posix()
            label = str(PurePosixPath(inside).parent)
            yield Member(f"{name or folder.name}/{inside}", "", None if label == "." else label, file, part=part)


def find_celeba(root: Path) -> list[Member]:
    """`img_align_celeba/` or its zip, with `list_eval_partition.txt` beside it, above it or in `Eval/` if present."""
    for place in _places(root, ("celeba", "CelebA", "celeba/Img", "CelebA/Img", "Img")):
        pictures = place / "img_align_celeba"
        if (pictures / "img_align_celeba").is_dir():
            pictures = pictures / "img_align_celeba"
        if pictures.is_dir():
            members = list(_folder_members(pictures, "", "img_align_celeba"))
        elif (archive := place / "img_align_celeba.zip").is_file():
            members = [replace(one, source="") for one in list_members(archive)]
        else:
            continue
        places = (place, place.parent, pictures) if place != root else (place, pictures)
        parts = next((found for folder in places if (found := partition_in(folder))), {})
        return [replace(one, label=None, part=parts.get(PurePosixPath(one.name).name, "")) for one in members]
    return []


_PLACES_TRAIN = ("data_256_standard", "data_256", "data_large_standard", "train")
_PLACES_VAL = ("val_256", "val_large", "val")
_PLACES_TARS = (
    ("places365standard_easyformat.tar", "train"),
    ("train_256_places365standard.tar", "train"),
    ("train_large_places365standard.tar", "train"),
    ("val_256.tar", "val"),
    ("val_large.tar", "val"),
)


def find_places_split(root: Path) -> list[Member]:
    """The training set of Places365-standard with the validation set beside it, as far as they are there."""
    found = find_places(root)
    return found if not any(one.part == "train" for one in found) else found + find_places(root, ("val",))


def find_places(root: Path, wanted: Sequence[str] = ("train", "val")) -> list[Member]:
    """Folders or tars of Places365-standard: the first of the `wanted` parts that is there; training is `x/class/…`.

    The validation set's classes are read from `places365_val.txt` and `categories_places365.txt`, if they lie there.
    """
    for place in _places(root, ("places365", "Places365", "places365_standard")):
        for part in wanted:
            for name in _PLACES_TRAIN if part == "train" else _PLACES_VAL:
                if (place / name).is_dir():
                    found = [_with_place_label(one) for one in _folder_members(place / name, part)]
                    if found:
                        return _with_val_labels(place, found)
            for tar, of in _PLACES_TARS:
                easy = "easyformat" in tar  # it holds both parts, in folders
                if (of == part or easy) and (place / tar).is_file():
                    listed = list_members(place / tar)
                    parts = [one for one in with_parts(place / tar, listed) if one.part == part] if easy else listed
                    found = [_with_place_label(replace(one, part=part)) for one in parts]
                    return _with_val_labels(place, found)
    return []


def _with_place_label(member: Member) -> Member:
    """The class that a path says: canal/natural of `data_256/c/canal/natural/x.jpg` and `train/canal-natural/x.jpg`."""
    parts = list(PurePosixPath(member.name).parts[:-1])
    parts = parts[2 if parts[:1] == ["places365_standard"] else 1 :]
    if parts and len(parts[0]) == 1:
        parts = parts[1:]
    return replace(member, source="", label="/".join(parts).replace("-", "/") or None)


def _with_val_labels(place: Path, members: list[Member]) -> list[Member]:
    folders = (place, place / "filelist_places365-standard")
    texts = [next((d / name for d in folders if (d / name).is_file()), None) for name in _LISTS]
    if any(one.label for one in members) or texts[0] is None or texts[1] is None:
        return members
    classes = {}
    for line in lines_of(texts[0]):
        name, _, number = line.rpartition(" ")
        classes[number] = "/".join(PurePosixPath(name.strip()).parts[2:])  # /c/canal/natural
    lines = (line.split() for line in lines_of(texts[1]))
    labels = {line[0]: classes.get(line[1]) for line in lines if len(line) == 2}
    return [replace(one, label=labels.get(PurePosixPath(one.name).name)) for one in members]


_LISTS = ("categories_places365.txt", "places365_val.txt")


def find_coco(root: Path) -> list[Member]:
    """`train2017/` and `val2017/` (or 2014's), or their zips, in `coco/`, `coco/images/` or the root."""
    for place in _places(root, ("coco", "COCO", "coco/images")):
        found: list[Member] = []
        for name, part in (("train2017", "train"), ("val2017", "val"), ("train2014", "train"), ("val2014", "val")):
            if (place / name).is_dir():
                found += [replace(one, label=None) for one in _folder_members(place / name, part)]
            elif (place / f"{name}.zip").is_file():
                found += [replace(one, source="", label=None, part=part) for one in list_members(place / f"{name}.zip")]
        if found:
            return found
    return []


_IMAGENET_TARS = (("ILSVRC2012_img_train.tar", "train"), ("ILSVRC2012_img_val.tar", "val"))


def find_imagenet(root: Path) -> list[Member]:
    """`train/nXXXXXXXX/` and `val/`, as unpacked, or under `ILSVRC/Data/CLS-LOC/`; or the two tars."""
    for place in _places(root, ("imagenet", "ImageNet", "ILSVRC2012", "ILSVRC/Data/CLS-LOC")):
        for inner in (place, place / "ILSVRC" / "Data" / "CLS-LOC"):
            if any((inner / "train").glob("n[0-9]*")):
                found = list(_folder_members(inner / "train", "train"))
                return found + (list(_folder_members(inner / "val", "val")) if (inner / "val").is_dir() else [])
        tars = [(place / name, part) for name, part in _IMAGENET_TARS if (place / name).is_file()]
        if tars:
            return [replace(one, source="", part=part) for tar, part in tars for one in list_members(tar)]
    return []


def find_kaggle(root: Path) -> list[Member]:
    """The Image Colorization Dataset: `train_color/` and `test_color/`; the grey copies beside them are not needed."""
    for place in _places(
        root, ("kaggle-colorization", "image-colorization-dataset", "image-colorization-dataset/data")
    ):
        found: list[Member] = []
        for name, part in (("train_color", "train"), ("test_color", "val")):
            if (place / name).is_dir():
                found += [replace(one, label=None) for one in _folder_members(place / name, part)]
        if found:
            return found
    return []


def find_plain(path: Path) -> list[Member]:
    """Any folder of photos, archive, or folder of archives; with the parts of known sets."""
    return with_parts(path, list_members(path))
