"""HEIC, where the extra `heic` is installed.

In:  the bytes of a HEIC file; or pixels and what stands around them
Out: `RawPhoto`; or the bytes of a HEIC file
"""

from __future__ import annotations

import io
from importlib import import_module
from types import ModuleType

import numpy as np

from colorize_cli.notes import Loss, Note
from colorize_cli.photos import exif, heif_boxes
from colorize_cli.photos.photo import AnyPixels, Metadata, PageMetadata
from colorize_cli.photos.raw import RawPage, RawPhoto, Unsupported


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


def decode_heif(data: bytes) -> RawPhoto:
    """Decode the primary picture; its rotation is undone by the library.

    Raises:
        Damaged: it cannot be read, or the extra is not installed.
    """
    file = _library().open_heif(io.BytesIO(data), convert_hdr_to_8bit=False)
    image = file[file.primary_index]
    depth = int(image.info.get("bit_depth", 8))
    array: AnyPixels = np.array(np.asarray(image))
    array = array[..., 0] if array.ndim == 3 and array.shape[2] == 1 else array
    alpha: AnyPixels | None = None
    if array.ndim == 3 and array.shape[2] in (2, 4):
        alpha, array = np.ascontiguousarray(array[..., -1]), array[..., :-1]
        array = array[..., 0] if array.shape[2] == 1 else array
    block = image.info.get("exif")
    block = block.removeprefix(b"Exif\0\0") if isinstance(block, bytes) and block else None
    own = heif_boxes.around(data)
    block, packet = own.exif or block, own.xmp or image.info.get("xmp") or None
    turned = own.orientation  # by the library; otherwise it leaves the picture as it is, whatever EXIF says
    told = turned != 1 or block is not None and exif.gives_orientation(block)
    resolution = exif.resolution(block)
    page = RawPage(
        pixels=np.ascontiguousarray(array),
        space="grey" if array.ndim == 2 else "rgb",
        alpha=alpha,
        icc=image.info.get("icc_profile") or None,
        orientation=1 if told else exif.orientation(None, packet),
        undone=turned,
        metadata=PageMetadata(
            resolution=resolution.turned() if resolution and turned >= 5 else resolution, depth=depth, lossless=False
        ),
    )
    notes = (Note("it holds more than one picture: only the first was taken", Loss.pictures),) if len(file) > 1 else ()
    return RawPhoto((page,), Metadata(exif=block, xmp=packet), (*notes, *own.notes))


def encode_heif(pixels: AnyPixels, quality: int, exif_block: bytes | None, xmp: bytes, icc: bytes | None) -> bytes:
    """Encode RGB or RGBA of 8 bits, or of 16, of which HEIC keeps 10 or 12."""
    library = _library()
    mode = ("RGBA" if pixels.shape[2] == 4 else "RGB") + (";16" if pixels.dtype == np.uint16 else "")
    image = library.from_bytes(mode, (pixels.shape[1], pixels.shape[0]), np.ascontiguousarray(pixels).tobytes())
    out = io.BytesIO()
    around = {"exif": exif_block, "icc_profile": icc}
    image[0].info.update({name: value for name, value in around.items() if value})
    image.save(out, quality=quality, xmp=xmp, **({"exif": exif_block} if exif_block else {}))
    # The library turns as EXIF and XMP say, which it finds in damaged ones, too; these pixels are upright.
    return heif_boxes.unturned(out.getvalue())
