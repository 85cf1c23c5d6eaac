"""Which photos train and which do not, as the owners of a data set say it, wherever the set lies.

In:  members of any folder or archive
Out: the same members with their parts: "train", "val", "test"; "" where nobody says it
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath

from colorize_cli.data.sources import Member
from colorize_cli.errors import DataError, in_words, printable
from colorize_cli.files.small_files import read_plain

# Names that their owners gave to the parts: of COCO, Places365, ImageNet, the Image Colorization Dataset.
_OFFICIAL = {
    "train": r"(train20(14|17)|data_(256|large)(_standard)?|train_(256|large)_places365(standard|challenge)"
    r"|ilsvrc2012_img_train|train_color)",
    "val": r"(val20(14|17)|val_(256|large)|ilsvrc2012_img_val|test_color)",
    "test": r"(test20(14|15|17)|test_(256|large)|ilsvrc2012_img_test(_v10102019)?)",
}
_OWNERS = frozenset({"cls-loc", "places365_standard"})  # folders in which `train` and `val` are official
_USUAL = {"train": "train", "val": "val", "valid": "val", "validation": "val", "test": "test"}
_CELEBA = re.compile(r"\d{6}\.(jpg|png)")
_LISTS = ("list_eval_partition.txt", "list_eval_partition.csv")
_MOST_BYTES = 256 << 20  # of a list


def with_parts(path: Path, members: Iterable[Member]) -> list[Member]:
    """Say the parts of a data set's photos.

    A set that has no training part, such as a validation set by itself, is not split: all of it may be learned from.

    Args:
        path: the folder or archive that the members were found in.
        members: its photos; a part that is known already stays.
    """
    found = list(members)
    tops = {PurePosixPath(one.name).parts[0].lower() for one in found if "/" in one.name}
    split = "train" in tops and len(tops & _USUAL.keys()) > 1
    lists = _Partitions(path)
    found = [one if one.part else replace(one, part=lists.part(one) or _by_name(one, split)) for one in found]
    return usable(found)


def usable(members: Sequence[Member]) -> list[Member]:
    """Members whose parts are dropped where none of them is for training."""
    if any(one.part in ("", "train") for one in members):
        return list(members)
    return [replace(one, part="") for one in members]


def _by_name(member: Member, split: bool) -> str:
    name = PurePosixPath(member.name)
    folders = [part.lower() for part in (member.file.stem, *name.parts[:-1])]
    for before, folder in zip(["", *folders], folders, strict=False):
        for part, pattern in _OFFICIAL.items():
            if re.fullmatch(pattern, folder):
                return part
        if before in _OWNERS and folder in _USUAL:
            return _USUAL[folder]
    return _USUAL.get(name.parts[0].lower(), "") if split and len(name.parts) > 1 else ""


class _Partitions:
    """CelebA's list of parts, beside the pictures or their archive, or above them."""

    def __init__(self, path: Path) -> None:
        top = path if path.is_dir() else path.parent
        self._top_most = top.parent.parent
        self._known: dict[Path, dict[str, str]] = {}

    def part(self, member: Member) -> str:
        name = PurePosixPath(member.name).name
        return self._of(member.file.parent).get(name, "") if _CELEBA.fullmatch(name) else ""

    def _of(self, folder: Path) -> dict[str, str]:
        if folder not in self._known:
            found = partition_in(folder)
            last = folder in (self._top_most, folder.parent)
            self._known[folder] = found or ({} if last else self._of(folder.parent))
        return self._known[folder]


def partition_in(folder: Path) -> dict[str, str]:
    """CelebA's parts by file name, from the list in a folder or in `Eval` in it; none where there is no list."""
    files = (place / name for place in (folder, folder / "Eval") for name in _LISTS)
    file = next((file for file in files if file.is_file()), None)
    if file is None:
        return {}
    words = (re.split(r"[\s,]+", line.strip()) for line in lines_of(file))
    names = {"0": "train", "1": "val", "2": "test"}
    return {line[0]: names.get(line[1], "") for line in words if len(line) == 2}


def lines_of(file: Path) -> list[str]:
    """The lines of a list that comes with a data set.

    Raises:
        DataError: it cannot be read.
    """
    try:
        return read_plain(file, _MOST_BYTES).decode("utf-8-sig").splitlines()
    except (OSError, ValueError) as error:
        raise DataError(f"cannot read {printable(file)}: {in_words(error)}", hint="Copy or pull it again.") from None
