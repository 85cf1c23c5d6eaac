"""Open a data set: choose, decode, drop what teaches no color, keep the result for the next time.

In:  a data set's members, or its path
Out: a `PhotoSet`; a split by a hash of the name
"""

from __future__ import annotations

import fnmatch
import hashlib
import io
import json
import os
import shutil
import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from colorize_cli.color.lab import lab_from_srgb
from colorize_cli.data.photosets import DecodedPhotos, EncodedPhotos, PhotoSet, reduce_to
from colorize_cli.data.sources import Member, list_members, read_bytes
from colorize_cli.data.srgb_photo import decode_rgb
from colorize_cli.errors import DataError, PhotoError
from colorize_cli.files.atomic import write_text
from colorize_cli.files.machine import cores

MIN_CHROMA = 2.0  # Lab units; below it a truth counts as grey
_VERSION = 3
_MOST_DECODED = 64 << 30  # bytes; a set that would take more, or half of the free disk, stays encoded
_CHUNK = 64  # photos decoded at once
_SLOW = (".parquet", ".zip")  # archives in which one photo is slow to reach: of these the encoded photos are copied

OnPhoto = Callable[[int, int], None]


@dataclass(frozen=True)
class Choice:
    """Which photos of a data set.

    Attributes:
        limit: most photos, those whose names have the smallest hashes; 0 for all.
        select: labels to take, with wildcards; none for all.
    """

    limit: int = 0
    select: tuple[str, ...] = ()


def _hash(name: str) -> float:
    return int.from_bytes(hashlib.sha256(name.encode(errors="surrogatepass")).digest()[:8], "big") / 2**64


def held_out(name: str, share: float) -> bool:
    """Whether a photo belongs to the held-out part: by a hash of its name, so adding files moves none."""
    return _hash(name) < share


def split(photos: PhotoSet, val: float, official: bool = False) -> tuple[list[int], list[int]]:
    """Indices of the training and of the held-out photos.

    Args:
        photos: what to split.
        val: held-out share.
        official: where the data set says its parts, "train" trains, "val" is held out, "test" is neither; where it
            says no "val", the share is held out of "train".
    """
    parts = list(photos.parts) if official else [""] * len(photos.names)
    has_val = "val" in parts
    training: list[int] = []
    validation: list[int] = []
    for index, (name, part) in enumerate(zip(photos.names, parts, strict=True)):
        if part == "test":
            continue
        held = part == "val" if part and has_val else held_out(name, val)
        (validation if held else training).append(index)
    return training, validation


def split_exactly(photos: PhotoSet, train: int, val: int) -> tuple[list[int], list[int]]:
    """Indices of exactly `train` training and `val` held-out photos, chosen by a hash of their names.

    Of fewer photos than that, the same shares; parts that a data set says are not looked at.
    """
    order = sorted(range(len(photos)), key=lambda index: (_hash(photos.names[index]), index))
    if len(order) < train + val:
        held = round(len(order) * val / (train + val))
        return sorted(order[held:]), sorted(order[:held])
    return sorted(order[val : val + train]), sorted(order[:val])


def mean_chroma(rgb: NDArray[np.uint8]) -> float:
    """Mean CIE chroma of a photo, (H, W, 3), uint8; Lab units."""
    lab = lab_from_srgb(rgb)
    return float(np.hypot(lab[..., 1], lab[..., 2]).mean())


def cache_folder() -> Path:
    """Where decoded data sets lie: `COLORIZE_CACHE`, or the user's cache folder."""
    root = os.environ.get("COLORIZE_CACHE") or os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(root) / "colorize-cli"


def open_photos(
    path: Path,
    short_side: int = 128,
    on_photo: OnPhoto | None = None,
    *,
    choice: Choice = Choice(),  # noqa: B008 - frozen
    members: Sequence[Member] | None = None,
    decoded: bool | None = None,
) -> PhotoSet:
    """Open a data set, surveying it on the first use and from the cache later.

    Args:
        path: a folder of photos, an archive, or a folder of archives.
        short_side: larger photos are reduced to this, by area averaging; pixels.
        on_photo: called with photos seen and photos in all while they are surveyed.
        choice: which photos.
        members: the photos where `path` alone does not say them.
        decoded: whether to keep the pixels; None decides by size.

    Raises:
        DataError: nothing usable is there, or the cache cannot be written.
    """
    found = list(list_members(path)) if members is None else list(members)
    if choice.select:
        found = [one for one in found if _selected(one.label, choice.select)]
    if not found:
        labelled = f" with a label like {', '.join(choice.select[:3])}" if choice.select else ""
        raise DataError(f"no photo{labelled} in {path}", hint="Photos are JPEG, PNG, WebP, TIFF or BMP.")
    if decoded is None:
        decoded = _worth_decoding(min(len(found), choice.limit or len(found)), short_side)
    folder = cache_folder() / "decoded" / _key(path, found, short_side, choice, decoded)
    if not (folder / "index.json").exists():
        try:
            folder.mkdir(parents=True, exist_ok=True)
            _survey(found, choice.limit, short_side, folder, decoded, on_photo)
            (folder / "source.txt").write_text(f"{path}\n", encoding="utf-8", errors="surrogateescape")
        except OSError as error:
            raise DataError(
                f"cannot keep {path} decoded in {folder}: {error.strerror or error}",
                hint="Free some space, or set COLORIZE_CACHE to a folder on another disk.",
            ) from error
    return _opened(folder, path, short_side, decoded)


def _key(path: Path, members: Sequence[Member], short_side: int, choice: Choice, decoded: bool) -> str:
    """A name for what a survey would give: it changes with every file, and with what is known of the photos."""
    digest = hashlib.sha256(repr((_VERSION, str(path.resolve()), short_side, choice, decoded)).encode())
    for file in sorted({member.file for member in members}):
        stat = file.stat()
        digest.update(repr((str(file), stat.st_size, stat.st_mtime_ns)).encode())
    for one in members:
        digest.update(repr((one.name, one.source, one.label, one.part)).encode())
    return digest.hexdigest()[:16]


def _selected(label: str | None, patterns: Sequence[str]) -> bool:
    return label is not None and any(fnmatch.fnmatchcase(label, pattern) for pattern in patterns)


def _worth_decoding(count: int, short_side: int) -> bool:
    root = cache_folder()
    while not root.exists():
        root = root.parent
    return count * short_side**2 * 4 < min(_MOST_DECODED, shutil.disk_usage(root).free / 2)


def _opened(folder: Path, path: Path, short_side: int, decoded: bool) -> PhotoSet:
    index = json.loads((folder / "index.json").read_text())
    names, dropped = index["names"], index["dropped"]
    if not names:
        counts = ", ".join(f"{count} {reason}" for reason, count in dropped.items() if count)
        raise DataError(f"no color photo in {path}: {counts}", hint="Photos must be readable, RGB and not grey.")
    listed = (names, index["sources"], index["labels"], index["parts"], dropped)
    if decoded:
        shapes = np.asarray(index["shapes"], np.int32).reshape(-1, 2)
        return DecodedPhotos(*listed, folder / "pixels.u8", shapes)
    files, offsets, sizes = zip(*index["places"], strict=True)
    return EncodedPhotos(*listed, [Path(file) for file in files], np.asarray(offsets), np.asarray(sizes), short_side)


class _Survey:
    """Collects what is kept."""

    def __init__(self, folder: Path, decoded: bool) -> None:
        self.folder, self.decoded = folder, decoded
        self.kept: list[Member] = []
        self.shapes: list[tuple[int, int]] = []
        self.places: list[tuple[str, int, int]] = []
        self.dropped = {"broken": 0, "CMYK": 0, "grey": 0}
        self.partial = folder / f"pixels.{os.getpid()}.part"
        self.written = 0

    def keep(self, member: Member, data: bytes, rgb: NDArray[np.uint8], file: io.BufferedWriter) -> None:
        self.kept.append(member)
        self.shapes.append((rgb.shape[0], rgb.shape[1]))
        if self.decoded:
            file.write(rgb.tobytes())
        elif member.file.suffix.lower() in _SLOW:
            file.write(data)
            self.places.append((str(self.folder / "pixels.u8"), self.written, len(data)))
            self.written += len(data)
        else:
            self.places.append((str(member.file), member.offset, member.size))

    def finish(self) -> None:
        self.partial.replace(self.folder / "pixels.u8")
        index = {
            "names": [one.name for one in self.kept],
            "sources": [one.source for one in self.kept],
            "labels": [one.label for one in self.kept],
            "parts": [one.part for one in self.kept],
            "shapes": self.shapes,
            "places": self.places,
            "dropped": self.dropped,
        }
        write_text(self.folder / "index.json", json.dumps(index))


def _survey(
    members: Sequence[Member], limit: int, short_side: int, folder: Path, decoded: bool, on_photo: OnPhoto | None
) -> None:
    order = list(range(len(members)))
    if limit:
        order.sort(key=lambda i: _hash(f"draw:{members[i].name}"))
    wanted, seen, survey = limit or len(members), 0, _Survey(folder, decoded)
    try:
        with survey.partial.open("wb") as file, ThreadPoolExecutor(min(8, cores())) as pool:
            while len(survey.kept) < wanted and seen < len(order):
                # in the order in which they lie: an archive is read from its beginning to its end
                part = [members[i] for i in sorted(order[seen : seen + wanted - len(survey.kept)])]
                stream = read_bytes(part)
                while chunk := list(islice(stream, _CHUNK)):
                    for (member, data), found in zip(chunk, _decoded(pool, chunk, short_side), strict=True):
                        if isinstance(found, str):
                            survey.dropped[found] += 1
                        else:
                            survey.keep(member, data, found, file)
                    seen += len(chunk)
                    if on_photo is not None:
                        on_photo(seen, max(wanted, seen))
        survey.finish()
    finally:
        survey.partial.unlink(missing_ok=True)


def _decoded(
    pool: ThreadPoolExecutor, chunk: Sequence[tuple[Member, bytes]], short_side: int
) -> Iterator[NDArray[np.uint8] | str]:
    return pool.map(lambda one: decode_photo(one[1], short_side), chunk)


def decode_photo(data: bytes, short_side: int, name: Path = Path("photo")) -> NDArray[np.uint8] | str:
    """Decode a photo to sRGB, (H, W, 3), reduced; or say why it is dropped: "broken", "CMYK" or "grey"."""
    if is_cmyk(data):
        return "CMYK"
    try:
        rgb = reduce_to(decode_rgb(data, name), short_side)
    except PhotoError:
        return "broken"
    return "grey" if mean_chroma(rgb) < MIN_CHROMA else rgb


def is_cmyk(data: bytes) -> bool:
    """Whether an encoded photo is in inks rather than in light; only its header is read."""
    if data[:4] == b"RIFF" or data[:4] == b"\x89PNG":  # these two have no inks
        return False
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(io.BytesIO(data)) as picture:
                return picture.mode == "CMYK"
    except Exception:  # what Pillow cannot open the decoder refuses
        return False
