"""HEIC, where the extra `heic` is installed.

In:  the bytes of a HEIC file; or pixels and what stands around them
Out: `DecodedPhoto`; or the bytes of a HEIC file
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from types import ModuleType
from typing import Any

import numpy as np

from colorize_cli.formats.code_points import profile_named
from colorize_cli.formats.decoded import Damaged, DecodedPage, DecodedPhoto, Unsupported
from colorize_cli.formats.halved_chroma import halving_cost
from colorize_cli.formats.heif import heif_boxes
from colorize_cli.formats.photo import AnyPixels, Metadata, MultiPicture, PageMetadata
from colorize_cli.metadata import exif
from colorize_cli.notes import Loss, Note

_DEFAULT_QUALITY, _SHARP_QUALITY = 90, 95
MOST_COST = 0.4  # L*: what coding costs a grey picture, nearly


def _library() -> ModuleType:
    try:
        return import_module("pillow_heif")
    except ImportError:
        raise Unsupported("unsupported: HEIC without pillow-heif", hint="pip install pillow-heif") from None


def require() -> None:
    """Do nothing where HEIC can be read.

    Raises:
        Damaged: the extra is not installed.
    """
    _library()


def photos_in(data: bytes) -> int:
    """How many pictures a HEIC file holds that stand on their own; 1 where the extra is not installed."""
    try:
        return len(_library().open_heif(io.BytesIO(data), convert_hdr_to_8bit=False))
    except (Damaged, ValueError, EOFError, SyntaxError, RuntimeError):
        return 1  # it is refused when it is read


def decode_heif(data: bytes) -> DecodedPhoto:
    """Decode the pictures that stand on their own, the primary one first; the library undoes their rotation.

    Raises:
        Damaged: it cannot be read, or the extra is not installed.
    """
    file = _library().open_heif(io.BytesIO(data), convert_hdr_to_8bit=False)
    order = [file.primary_index, *(n for n in range(len(file)) if n != file.primary_index)]
    own = heif_boxes.around(data)
    first = file[file.primary_index]
    block, packet = own.exif or _exif_of(first), own.xmp or first.info.get("xmp") or None
    turned = own.orientation  # by the library; otherwise it leaves the picture as it is, whatever EXIF says
    told = turned != 1 or block is not None and exif.gives_orientation(block)
    pages, notes = list[DecodedPage](), list[str]()
    for number in order:
        image = file[number]
        page = _page(image, block if image is first else _exif_of(image))
        if image is first:
            page = replace(page, orientation=1 if told else exif.orientation(None, packet), undone=turned)
            resolution = page.metadata.resolution
            if resolution and turned >= 5:
                page = replace(page, metadata=replace(page.metadata, resolution=resolution.turned()))
            page, told_of_color = named_color(page, own.color)
            notes += told_of_color
            about = MultiPicture(0)
        else:
            about = MultiPicture(0, around=Metadata(exif=_exif_of(image), xmp=image.info.get("xmp") or None))
        if len(order) > 1:
            page = replace(page, metadata=replace(page.metadata, multi=about))
        pages.append(page)
        notes += _left_out(image)
    return DecodedPhoto(tuple(pages), Metadata(exif=block, xmp=packet), tuple(dict.fromkeys((*own.notes, *notes))))


def named_color(
    page: DecodedPage, color: tuple[int, int] | None, format: str = "HEIC"
) -> tuple[DecodedPage, Sequence[str]]:
    """A page with the profile of a color space that its file only names, and what is told where there is none."""
    if color is None or page.icc:
        return page, ()
    profile, notes = profile_named(*color, format)
    if profile is None:
        return page, notes
    pixels = page.pixels if page.pixels.ndim == 3 else np.repeat(page.pixels[..., None], 3, 2)
    return replace(page, pixels=pixels, space="rgb", icc=profile), notes


def _exif_of(image: Any) -> bytes | None:
    block = image.info.get("exif")
    return block.removeprefix(b"Exif\0\0") if isinstance(block, bytes) and block else None


def _page(image: Any, block: bytes | None) -> DecodedPage:
    """The pixels of one picture."""
    array: AnyPixels = np.array(np.asarray(image))
    array = array[..., 0] if array.ndim == 3 and array.shape[2] == 1 else array
    alpha: AnyPixels | None = None
    if array.ndim == 3 and array.shape[2] in (2, 4):
        alpha, array = np.ascontiguousarray(array[..., -1]), array[..., :-1]
        array = array[..., 0] if array.shape[2] == 1 else array
    depth = int(image.info.get("bit_depth", 8))
    return DecodedPage(
        pixels=np.ascontiguousarray(array),
        space="grey" if array.ndim == 2 else "rgb",
        alpha=alpha,
        icc=image.info.get("icc_profile") or None,
        metadata=PageMetadata(resolution=exif.resolution(block), depth=depth, lossless=False),
    )


def _left_out(image: Any) -> list[str]:
    """What is told of the pictures that only go with another one."""
    kinds = [str(kind).lower() for kind in image.info.get("aux") or ()]
    notes = list[str]()
    if any("gainmap" in kind for kind in kinds):
        notes.append(Note("its gain map was left out", Loss.gain_map))
    if image.info.get("depth_images") or any("gainmap" not in kind and "alpha" not in kind for kind in kinds):
        notes.append(Note("its depth map or mask was left out", Loss.depth_map))
    if image.info.get("thumbnails"):
        notes.append(Note("its thumbnail was left out: it shows the photo without its color", Loss.thumbnail))
    return notes


@dataclass(frozen=True)
class Colored:
    """A picture on its way into a file.

    Attributes:
        pixels: RGB or RGBA, uint8, or uint16, of which HEIC keeps 10 or 12 bits.
        exif, xmp, icc: what stands around it.
    """

    pixels: AnyPixels
    exif: bytes | None
    xmp: bytes
    icc: bytes | None


def encode_heif(pictures: Sequence[Colored], quality: int | None) -> bytes:
    """Encode pictures, of which the first one is the primary.

    Chroma has half the size where that costs no lightness; of very sharp pictures it is whole.

    Args:
        pictures: what is encoded.
        quality: 1 to 100; None is the usual one, and a higher one for very sharp pictures.
    """
    library, file, chroma = _library(), None, 420
    for number, picture in enumerate(pictures):
        pixels = np.ascontiguousarray(picture.pixels)
        mode = ("RGBA" if pixels.shape[2] == 4 else "RGB") + (";16" if pixels.dtype == np.uint16 else "")
        given = (mode, (pixels.shape[1], pixels.shape[0]), pixels.tobytes())
        if halving_cost(pixels) > MOST_COST:
            chroma = 444
        if file is None:
            file = library.from_bytes(*given)
        else:
            file.add_frombytes(*given)
        around = {"exif": picture.exif, "icc_profile": picture.icc, "xmp": picture.xmp}
        file[number].info.update({name: value for name, value in around.items() if value})
    assert file is not None
    out, first = io.BytesIO(), pictures[0]
    extra = {"exif": first.exif} if first.exif else {}
    file.save(
        out,
        quality=quality or (_DEFAULT_QUALITY if chroma == 420 else _SHARP_QUALITY),
        chroma=chroma,
        primary_index=0,
        xmp=first.xmp,
        **extra,
    )
    return out.getvalue()
