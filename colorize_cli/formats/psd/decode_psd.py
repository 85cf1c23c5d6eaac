"""Decode the flattened picture of Photoshop documents (PSD and PSB).

In:  the bytes of a document
Out: `DecodedPhoto`: 1 to 32 bits, grey, RGB, indexed, CMYK, Lab and duotone; its layers are left out with a note

Source: Adobe, "Photoshop File Formats Specification".
"""

from __future__ import annotations

import struct
import zlib
from typing import Any

import imagecodecs
import numpy as np

from colorize_cli.color.spaces import SRGB
from colorize_cli.formats.decoded import Damaged, DecodedPage, DecodedPhoto, Space, left_over
from colorize_cli.formats.photo import AnyPixels, Metadata, PageMetadata
from colorize_cli.formats.psd.psd_header import (
    CMYK,
    COLORS,
    CUT,
    DUOTONE,
    INDEXED,
    LAB,
    PsdHeader,
    header_of,
    layer_count,
)
from colorize_cli.formats.tiff.tiff_color import lab_to_rgb
from colorize_cli.metadata import exif, irb
from colorize_cli.metadata.ifd import Data
from colorize_cli.metadata.resolution import Resolution
from colorize_cli.notes import Loss, Note

_RESOLUTION, _ICC, _EXIF, _XMP = 1005, 1039, 1058, 1060
# Resources that tell of layers and channels, of which one picture has none: their names, groups, states and comps, the
# channels' names and colors, quick masks, the timeline. What a page says itself is taken from it: resolution, profile.
_OF_LAYERS = frozenset({1006, 1007, 1022, 1024, 1026, 1045, 1053, 1065, 1067, 1069, 1072, 1075, 1077, 1078, 1080, 1088})
_LEFT_OUT = _OF_LAYERS | {_RESOLUTION, _ICC}


def decode_psd(data: bytes, salvage: bool) -> DecodedPhoto:
    """Decode a document's flattened picture.

    Raises:
        Damaged: it is damaged or cut short, and `salvage` is not given or does not help.
        Unsupported: it is of a kind that is not read, or was saved without its flattened picture.
    """
    header = header_of(data)
    palette, at = _block(data, 26, False)
    resources, at = _block(data, at, False)
    layers, at = _block(data, at, header.large)
    blocks, notes = irb.split(resources), list[str]()
    if blocks is None:
        notes.append(Note("its image resources are damaged and were left out", Loss.metadata))
    parts = blocks or []
    found = {number: payload for number, payload, _ in parts}
    planes, missing, end = _planes(data, at, header)
    if not missing:
        notes += left_over(data, end)
    else:
        if not salvage:
            raise Damaged(CUT if missing > 0 else "damaged PSD: its rows make no sense", salvageable=True)
        what = "the end of the picture is missing" if missing > 0 else "part of the picture is damaged"
        notes.append(Note(f"salvaged: {what}", Loss.salvage))
    count = layer_count(layers, header.large)
    if count:
        notes.append(Note("Photoshop layers were left out; the picture that they make was taken", Loss.layers))
    pixels, space = _color(planes, palette, header, notes)
    extra = planes[COLORS[header.mode] :]
    alpha = _full(extra[0], header.depth) if count < 0 and len(extra) else None
    if len(extra) > (alpha is not None):
        notes.append(Note("channels beyond color and transparency were left out", Loss.sub_images))
    block, profile = exif_of(found), found.get(_ICC) or None
    kept = irb.without_thumbnail(b"".join(whole for number, _, whole in parts if number not in _LEFT_OUT))
    page = DecodedPage(
        pixels=np.ascontiguousarray(pixels),
        space=space,
        alpha=None if alpha is None else np.ascontiguousarray(alpha.astype(pixels.dtype)),
        icc=profile if header.mode != LAB else None,
        orientation=exif.orientation(block, found.get(_XMP)),
        metadata=PageMetadata(
            resolution=_resolution(found.get(_RESOLUTION)) or exif.resolution(block), depth=header.depth
        ),
    )
    return DecodedPhoto((page,), Metadata(exif=block, xmp=found.get(_XMP) or None, iptc=kept or None), tuple(notes))


def orientation_of(data: Data) -> int:
    """The orientation that a document's resources give: Bridge turns a document so, and leaves its pixels alone."""
    start = 30 + int.from_bytes(data[26:30], "big")  # after the palette
    end = start + 4 + int.from_bytes(data[start : start + 4], "big")
    found = {number: payload for number, payload, _ in irb.split(data[start + 4 : end]) or []}
    return exif.orientation(exif_of(found), found.get(_XMP))


def exif_of(resources: dict[int, bytes]) -> bytes | None:
    """The EXIF block of a document's resources, from its TIFF header on."""
    return resources.get(_EXIF, b"").removeprefix(b"Exif\0\0") or None


def _block(data: bytes, at: int, wide: bool) -> tuple[bytes, int]:
    """A block with its length before it, and the offset after it."""
    size = 8 if wide else 4
    if at + size > len(data):
        raise Damaged(CUT)
    length = int.from_bytes(data[at : at + size], "big")
    if at + size + length > len(data):
        raise Damaged(CUT)
    return data[at + size : at + size + length], at + size + length


def _planes(data: bytes, at: int, header: PsdHeader) -> tuple[list[AnyPixels], int, int]:
    """The channels, (H, W) each, as stored; bytes that are missing, -1 where rows make no sense; where they end."""
    if at + 2 > len(data):
        raise Damaged(CUT)
    coding = struct.unpack_from(">H", data, at)[0]
    line = (header.width * header.depth + 7) // 8
    size, body, missing = line * header.height * header.channels, data[at + 2 :], 0
    end = at + 2 + size
    if coding == 1:
        body, missing, coded = _unpacked(body, header, line)
        end = at + 2 + coded
    elif coding in (2, 3):
        machine = zlib.decompressobj()
        try:
            body = machine.decompress(body, size)
            end = len(data) - len(machine.unused_data)
        except zlib.error:
            raise Damaged("damaged PSD: its compressed data make no sense") from None
    elif coding:
        raise Damaged(f"damaged PSD: its header declares coding {coding}")
    if len(body) < size:
        missing = missing or size - len(body)
        body = body.ljust(size, b"\0")
    kind: np.dtype[Any] = np.dtype({1: "u1", 8: "u1", 16: ">u2", 32: ">f4"}[header.depth])
    values: AnyPixels = np.frombuffer(body[:size], np.dtype("u1") if coding == 3 else kind)
    if coding == 3:
        values = _undone(values.reshape(-1, line), kind).reshape(-1)
    rows = values.reshape(header.channels, header.height, -1)
    if header.depth == 1:
        rows = np.unpackbits(rows.view(np.uint8), axis=2)[..., : header.width]
    return list(rows), missing, end


def _unpacked(body: bytes, header: PsdHeader, line: int) -> tuple[bytes, int, int]:
    """Rows of PackBits, each with its length in a table before them all; what is missing; how long it was."""
    count, wide = header.height * header.channels, 4 if header.large else 2
    if len(body) < count * wide:
        raise Damaged(CUT)
    sizes = np.frombuffer(body, f">u{wide}", count).tolist()
    out, at, missing = list[bytes](), count * wide, 0
    for size in sizes:
        coded = body[at : at + size]
        at += size
        if len(coded) < size:
            missing = missing or line * (count - len(out))
            break
        try:
            row = bytes(imagecodecs.packbits_decode(coded, out=line + 256)) if size else b""
        except (RuntimeError, ValueError):
            row = b""
        if len(row) != line:
            missing = -1
        out.append(row[:line].ljust(line, b"\0"))
    return b"".join(out), missing, at


def _undone(rows: AnyPixels, kind: np.dtype[Any]) -> AnyPixels:
    """Samples from their differences along each row."""
    if kind.itemsize == 4:  # bytes of a kind stand together
        sums = np.cumsum(rows, axis=1, dtype=np.uint8)
        return np.ascontiguousarray(sums.reshape(len(rows), 4, -1).swapaxes(1, 2)).view(kind)[..., 0]
    native = np.ascontiguousarray(rows).view(kind).astype(kind.newbyteorder("="))
    return np.cumsum(native, axis=1, dtype=native.dtype)


def _full(values: AnyPixels, depth: int) -> AnyPixels:
    if depth == 1:
        return (1 - values) * np.uint8(255)  # a set bit is black
    if depth == 32:
        light = np.clip(np.nan_to_num(values.astype(np.float32)), 0, 1)  # 32 bits are linear light
        return np.rint(SRGB.curves[0].encode(light) * 65535).astype(np.uint16)
    return values.astype(np.uint8 if depth == 8 else np.uint16)


def _color(planes: list[AnyPixels], palette: bytes, header: PsdHeader, notes: list[str]) -> tuple[AnyPixels, Space]:
    wanted = COLORS[header.mode]
    if len(planes) < wanted:
        raise Damaged(f"damaged PSD: {len(planes)} channels, where {wanted} are needed")
    if header.depth == 32:
        notes.append(Note("32-bit samples became 16 bits; what is brighter than white is white", Loss.depth))
    color = [_full(plane, header.depth) for plane in planes[:wanted]]
    if header.mode == INDEXED:
        table = np.frombuffer(palette[:768].ljust(768, b"\0"), np.uint8).reshape(3, 256).T
        return table[color[0]], "rgb"
    if header.mode == DUOTONE:
        notes.append(Note("its inks of a duotone were left out: it was taken as grey", Loss.profile))
    if wanted == 1:
        return color[0], "grey"
    array = np.stack(color, axis=2)
    if header.mode == CMYK:
        return np.iinfo(array.dtype).max - array, "cmyk"  # stored as what is left of the paper's white
    if header.mode == LAB:
        return lab_to_rgb(array, 8 * array.itemsize, signed=False), "rgb"
    return array, "rgb"


def _resolution(payload: bytes | None) -> Resolution | None:
    if payload is None or len(payload) < 16:
        return None
    x, _, _, y = struct.unpack_from(">IHHI", payload)
    given = Resolution(x / 65536, y / 65536)
    return given if given.is_real else None  # some programs write next to nothing where they know none
