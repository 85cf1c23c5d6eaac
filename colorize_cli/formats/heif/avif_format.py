"""AVIF: read by Pillow, and imagecodecs where it is deep; written by OpenCV, and Pillow where chroma stays whole."""

from __future__ import annotations

import io
from collections.abc import Sequence

import cv2
import imagecodecs
import numpy as np
from PIL import Image

from colorize_cli.formats.around import Around, rgb_of, shallow, with_alpha
from colorize_cli.formats.by_pillow import ANIMATED, by_pillow, deep
from colorize_cli.formats.declared import Declared
from colorize_cli.formats.decoded import DecodedPhoto
from colorize_cli.formats.halved_chroma import halving_cost
from colorize_cli.formats.heif import heif_boxes
from colorize_cli.formats.heif.heic_format import IsoFormat
from colorize_cli.formats.heif.heif import MOST_COST, named_color
from colorize_cli.formats.photo import AnyPixels, DecodeLimits, LumaPlanes, Metadata, Photo, PhotoFormat
from colorize_cli.metadata import exif
from colorize_cli.metadata.ifd import Data
from colorize_cli.metadata.provenance import Provenance
from colorize_cli.notes import Loss, Note

_DEFAULT_QUALITY, _LOSSLESS = 85, 100
_HIGH_QUALITY = 90
_SPEED = 8


class Avif(IsoFormat):
    """AVIF."""

    name = PhotoFormat.avif
    suffixes = (".avif",)
    longest_side = 65535
    brands = (b"avif", b"avis")

    def declared(self, data: Data) -> Declared:
        """The largest picture."""
        return self.largest(data)

    def decode(self, data: bytes, limits: DecodeLimits, salvage: bool) -> DecodedPhoto:
        """The first picture; Pillow turns it as the container says, but writes EXIF anew to say so."""
        found, own, depth = by_pillow(data, "AVIF"), heif_boxes.around(data), _depth(data)
        block, packet = found.exif, found.block("xmp")
        told = own.orientation != 1 or own.exif and exif.gives_orientation(own.exif)
        metadata = Metadata(exif=own.exif or (None if own.orientation != 1 else block), xmp=own.xmp or packet)
        notes = dict.fromkeys((*([ANIMATED] if found.frames > 1 else []), *own.notes, *own.beside))
        if depth > 8 and (samples := _samples(data, found.frames)) is not None:
            found = type(found)(*deep(samples, depth, found.pixels), found.info, found.frames)
        elif depth > 8:
            notes[Note(f"{depth} bits became 8: its first picture is not read at more", Loss.depth)] = None
            depth = 8
        turned = exif.orientation(block if told else None, packet)
        page = found.page(found.block("icc_profile"), turned, metadata.exif, depth=depth, lossless=False)
        page, told_of_color = named_color(page, own.color, self.name)
        return DecodedPhoto((page,), metadata, (*notes, *told_of_color))

    def encode(
        self, photo: Photo, colored: Sequence[AnyPixels | LumaPlanes], quality: int | None, note: Provenance
    ) -> tuple[bytes, list[str]]:
        """8 bits, or 10 or 12 where the source had as many."""
        page, rgb, notes = photo.pages[0], rgb_of(colored), list[str]()
        if page.metadata.depth <= 8 or not _holds_metadata():
            rgb = shallow(rgb, self.name, notes)
        array, asked, quality = with_alpha(page, rgb), quality, quality or _DEFAULT_QUALITY
        around, is_sharp = Around.of(photo, page, note), halving_cost(array) > MOST_COST
        if _holds_metadata() and (array.dtype != np.uint8 or not is_sharp):
            # OpenCV's chroma has half the size but where nothing is lost
            whole = is_sharp and (asked is None or asked >= _HIGH_QUALITY)  # who asks for a small file gets one
            quality = _LOSSLESS if whole else quality
            return _by_opencv(array, quality, page.metadata.depth, around), notes
        out = io.BytesIO()
        Image.fromarray(np.ascontiguousarray(array)).save(
            out,
            "AVIF",
            quality=quality,
            subsampling="4:4:4" if is_sharp else "4:2:0",
            speed=_SPEED,
            exif=_AsItIs(around.exif) if around.exif else None,
            xmp=around.xmp,
            icc_profile=around.icc or b"",
        )
        return out.getvalue(), notes


class _AsItIs(Image.Exif):
    """An EXIF block that Pillow writes as it is, so that maker notes stay where they are."""

    def __init__(self, block: bytes) -> None:
        super().__init__()
        self._block = block

    def __bool__(self) -> bool:
        return True

    def tobytes(self, offset: int = 8) -> bytes:
        """The block."""
        return self._block


def _samples(data: bytes, frames: int) -> AnyPixels | None:
    """The first picture's samples, more than 8 bits each; None where they cannot be had."""
    if frames == 1:
        return np.asarray(imagecodecs.avif_decode(data, index=0))
    # imagecodecs 2026.3.6 crashes where it is asked for one picture of an animation
    found = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if found is None or found.dtype != np.uint16:
        return None
    return np.asarray(found if found.ndim == 2 else found[..., [2, 1, 0, 3][: found.shape[2]]])


def _holds_metadata() -> bool:
    """Whether OpenCV writes metadata: from 4.12 on."""
    return hasattr(cv2, "imencodeWithMetadata")


def _depth(data: bytes) -> int:
    at = data.find(b"av1C")
    if at < 0 or at + 7 > len(data):
        return 8
    flags = data[at + 6]
    return (12 if flags & 0x20 else 10) if flags & 0x40 else 8


def _by_opencv(array: AnyPixels, quality: int, source_depth: int, around: Around) -> bytes:
    depth = 8 if array.dtype == np.uint8 else 12 if source_depth > 10 else 10
    code = cv2.COLOR_RGBA2BGRA if array.shape[2] == 4 else cv2.COLOR_RGB2BGR
    pixels = cv2.cvtColor(np.ascontiguousarray(array if depth == 8 else array >> (16 - depth)), code)
    kinds = {
        cv2.IMAGE_METADATA_XMP: around.xmp,
        cv2.IMAGE_METADATA_EXIF: around.exif,
        cv2.IMAGE_METADATA_ICCP: around.icc,
    }
    given = {kind: np.frombuffer(data, np.uint8) for kind, data in kinds.items() if data}
    options = [cv2.IMWRITE_AVIF_QUALITY, quality, cv2.IMWRITE_AVIF_DEPTH, depth, cv2.IMWRITE_AVIF_SPEED, _SPEED]
    done, coded = cv2.imencodeWithMetadata(".avif", pixels, list(given), list(given.values()), options)
    if not done:
        raise ValueError("the AVIF encoder failed")
    return bytes(coded.tobytes())
