"""Data sets by name: their terms, their official layouts, where they are published. And how any `--data` is opened.

In:  `--data NAME|PATH`, `--data-root DIR`
Out: a `PhotoSet`, and a note where it is less than was asked for
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from colorize_cli.data.dataset import Choice, OnPhoto, cache_folder, open_photos
from colorize_cli.data.fetching import HubSet, OnBytes, WebFile, bring_file, bring_hub_set, bring_lists
from colorize_cli.data.layouts import (
    Finder,
    find_celeba,
    find_coco,
    find_imagenet,
    find_kaggle,
    find_places_split,
    find_plain,
)
from colorize_cli.data.photosets import DecodedPhotos, HeldPhotos, PhotoSet
from colorize_cli.data.samples import sample_photos
from colorize_cli.data.sources import Member
from colorize_cli.data.splits import usable
from colorize_cli.data.terms import Ask, Terms, require
from colorize_cli.errors import DataError, DownloadError, counted, quoted
from colorize_cli.models.registry import did_you_mean

_WORTH_TELLING = 50_000_000  # bytes
_WINDOWS = 5  # by 5 overlapping windows of each sample photo, so that a batch can be filled from a few photos


@dataclass(frozen=True)
class NamedSet:
    """A known data set.

    Attributes:
        find: finds an official local copy.
        layout: what such a copy looks like, for the message.
        terms: to be accepted first; None where none bind.
        hub: where it is on the Hub; web, on its owners' server; None where it must be brought by hand.
        by_hand: where the user gets it.
        lists: a tar on its owners' server that says the photos' classes, and the files that are taken out of it.
    """

    find: Finder
    layout: str
    terms: Terms | None = None
    hub: HubSet | None = None
    web: WebFile | None = None
    by_hand: str = ""
    lists: tuple[WebFile, tuple[str, ...]] | None = None


NAMED: Mapping[str, NamedSet] = {
    "celeba": NamedSet(
        find_celeba,
        "celeba/img_align_celeba/*.jpg",
        Terms(
            "CelebA",
            "for non-commercial research only; the pictures are not the property of its authors, and may not be "
            "reproduced, sold, traded or exploited for any commercial purpose",
            "https://mmlab.ie.cuhk.edu.hk/projects/CelebA.html",
        ),
        HubSet(
            "flwrlabs/celeba",
            "2d738f56e0e7f925ea36ae7c808ea925264aacec",
            (("test", 19_962), ("train", 162_770), ("valid", 19_867)),
        ),
        by_hand="https://mmlab.ie.cuhk.edu.hk/projects/CelebA.html",
    ),
    "places365": NamedSet(
        find_places_split,
        "places365/data_256_standard/ or places365/val_256/",
        Terms(
            "Places365",
            "its photos belong to their owners and may be used for academic research and education only",
            "http://places2.csail.mit.edu/download.html",
        ),
        web=WebFile(
            "http://data.csail.mit.edu/places/places365/val_256.tar",
            md5="e27b17d8d44f4af9a78502beb927f808",
            sha256="24b4e639ef12a0012af525bc4cb443e4ab4aaea8369a1fb009b70e4a4aad5d48",
        ),
        by_hand="http://places2.csail.mit.edu/download.html",
        lists=(
            WebFile(
                "http://data.csail.mit.edu/places/places365/filelist_places365-standard.tar",
                md5="35a0585fee1fa656440f3ab298f8479c",
            ),
            ("categories_places365.txt", "places365_val.txt"),
        ),
    ),
    "coco": NamedSet(
        find_coco,
        "coco/train2017/*.jpg",
        Terms(
            "COCO",
            "its photos are from Flickr, each under its owner's license, some of which forbid commerce",
            "https://cocodataset.org/#termsofuse",
        ),
        web=WebFile(
            "http://images.cocodataset.org/zips/train2017.zip",
            md5="cced6f7f71b7629ddf16f17bbcfab6b2",
            sha256="69a8bb58ea5f8f99d24875f21416de2e9ded3178e903f1f7603e283b9e06d929",
        ),
        by_hand="https://cocodataset.org/#download",
    ),
    "imagenet": NamedSet(
        find_imagenet,
        "imagenet/train/n01440764/*.JPEG",
        Terms("ImageNet", "for non-commercial research and education only", "https://image-net.org/accessagreement"),
        by_hand="https://image-net.org/download (with an account)",
    ),
    "kaggle-colorization": NamedSet(
        find_kaggle,
        "kaggle-colorization/train_color/ and test_color/",
        by_hand="https://www.kaggle.com/datasets/aayush9753/image-colorization-dataset (with an account)",
    ),
}


@dataclass(frozen=True)
class Access:
    """How data sets are reached.

    Attributes:
        root: the folder that holds local copies, and to which others are brought; None is the default.
        accepted: the user accepts terms on the command line.
        ask: asks the user; None where nobody answers.
        on_bytes: told file, bytes here and in all, while a data set is brought.
        on_photo: told photos seen and in all, while it is surveyed.
        on_note: told what the user should know.
    """

    root: Path | None = None
    accepted: bool = False
    ask: Ask | None = None
    on_bytes: OnBytes | None = None
    on_photo: OnPhoto | None = None
    on_note: Callable[[str], None] = lambda text: None


def data_root(root: Path | None) -> Path:
    """The folder of data sets: as given, `COLORIZE_DATA_ROOT`, or one in the user's cache."""
    if root is not None:
        return root
    named = os.environ.get("COLORIZE_DATA_ROOT")
    return Path(named) if named else cache_folder() / "data"


def terms_of(name: str) -> Terms | None:
    """The terms of a known data set, or None."""
    known = NAMED.get(name)
    return None if known is None else known.terms


def open_data(name: str, short_side: int, choice: Choice, access: Access) -> PhotoSet:
    """Open a data set by name or path.

    Args:
        name: `samples`, one of `NAMED`, or a path.
        short_side: larger photos are reduced to this, pixels.
        choice: which photos; labels that the copy at hand does not name are not selected by.
        access: how it is reached.

    Raises:
        UsageError: its terms are not accepted.
        DataError: it is not there, or useless.
        DownloadError: it cannot be brought.
    """
    if name == "samples":
        return sample_windows()
    if name not in NAMED:
        check_reachable(name, access)
        plain = find_plain(Path(name))
        photos = open_photos(Path(name), short_side, access.on_photo, choice=choice, members=plain)
        if isinstance(photos, DecodedPhotos):
            _tell_cache(photos, access)
        return photos
    place, members = locate(name, access)
    if choice.select and not any(one.label for one in members):
        access.on_note(f"{name}: this copy does not say its photos' classes; all of them are taken.")
        choice = Choice(choice.limit)
    photos = open_photos(place, short_side, access.on_photo, choice=choice, members=usable(members))
    if isinstance(photos, DecodedPhotos):
        _tell_cache(photos, access)
    if choice.limit > len(photos):
        access.on_note(
            f"{name}: there are {counted(len(photos), 'photo')}, not the {choice.limit} that the recipe asks for."
        )
    return photos


def _tell_cache(photos: DecodedPhotos, access: Access) -> None:
    """Say how much disk the decoded photos take."""
    size = photos.file.stat().st_size
    if size >= _WORTH_TELLING:
        access.on_note(f"Decoded photos: {size / 1e9:.1f} GB in {photos.file.parent}; see: colorize data list")


def check_reachable(name: str, access: Access) -> None:
    """See to it, before anything is pulled for it, that a data set may be used and is there; or bring it.

    Raises:
        UsageError: its terms are not accepted.
        DataError: it is not there, and must be brought by hand; or no data set has this name.
        DownloadError: it cannot be brought.
    """
    known = NAMED.get(name)
    if known is None:
        if name != "samples" and not Path(name).exists() and "/" not in name and "." not in name:
            raise DataError(
                f"no data set {quoted(name)}, and no folder of that name.{did_you_mean(name, NAMED)}",
                hint=f"There are: samples, {', '.join(NAMED)}; or a path.",
            )
        return
    locate(name, access)


def _by_hand(known: NamedSet, root: Path) -> str:
    return f"By hand: get it from {known.by_hand}, lay it out as {known.layout} in {root}; or give --data-root DIR"


def locate(name: str, access: Access) -> tuple[Path, list[Member]]:
    """Find a known data set, or bring it: where it lies, and its photos.

    Raises:
        UsageError: its terms are not accepted.
        DataError: it is not there, and must be brought by hand.
        DownloadError: it cannot be brought.
    """
    known, root = NAMED[name], data_root(access.root)
    if known.terms is not None:
        require(name, known.terms, access.accepted, access.ask)
    members = known.find(root)
    if members:
        return root, members
    folder = root / name
    try:
        if known.hub is not None:
            folder = bring_hub_set(known.hub, folder, access.on_bytes)
            return folder, find_plain(folder)
        if known.web is not None:
            access.on_note(f"{name}: no local copy under {root}; downloading {known.web.name}.")
            bring_file(known.web, folder, access.on_bytes)
            if known.lists is not None:
                try:
                    bring_lists(*known.lists, folder, access.on_bytes)
                except DownloadError as error:  # the photos can be used without their classes
                    access.on_note(f"{name}: the lists of its photos' classes are missing: {error.message}")
            return folder, known.find(root)
    except DownloadError as error:
        raise DownloadError(error.message, hint=f"{error.hint} {_by_hand(known, root)}") from error
    raise DataError(f"no copy of {name} under {root}, and nobody may send it to you", hint=_by_hand(known, root))


def sample_windows() -> PhotoSet:
    """The built-in photos, cut into overlapping windows: enough pictures for a batch, with no data at all."""
    names, pictures = [], []
    for name, rgb in sample_photos():
        height, width = rgb.shape[0] // 2, rgb.shape[1] // 2
        for row in range(_WINDOWS):
            for column in range(_WINDOWS):
                y, x = row * height // (_WINDOWS - 1), column * width // (_WINDOWS - 1)
                pictures.append(rgb[y : y + height, x : x + width])
                names.append(f"samples/{name}-{row}{column}.png")
    return HeldPhotos(names, [""] * len(names), [None] * len(names), [""] * len(names), {}, pictures)
