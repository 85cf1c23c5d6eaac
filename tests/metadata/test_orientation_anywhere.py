"""Orientation in XMP alone is obeyed in every container, EXIF's goes first, and `--verify` agrees."""

from __future__ import annotations

import io
import struct
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from colorize_cli.formats.decode import decode, probe, turn
from colorize_cli.formats.jxl import jxl_file
from colorize_cli.metadata.audit.compare import audit
from colorize_cli.metadata.audit.containers import inventory
from colorize_cli.metadata.ifd import Tag
from tests.metadata import blocks as b
from tests.metadata.test_audit import colored

SHOWN = b.picture((96, 64))
XMP_UUID = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")
# How a picture is stored that stands upright by that orientation.
BACK = {1: 1, 2: 2, 3: 3, 4: 4, 5: 5, 6: 8, 7: 7, 8: 6}


def stored(container: str, pixels: NDArray[np.uint8], packet: bytes, block: bytes = b"") -> bytes:
    """A file of a container with an XMP packet, and EXIF where a block is given."""
    rgb = np.repeat(pixels[..., None], 3, 2)
    if container == "jpeg":
        return b.jpeg(pixels, *([b.app_exif(block)] if block else []), b.app_xmp(packet))
    if container == "png":
        return b.png(pixels, *([(b"eXIf", block)] if block else []), b.png_xmp(packet))
    if container == "tiff":
        tags = {700: packet, **({274: struct.unpack_from("<H", block, 18)[0]} if block else {})}
        return b.saved(pixels, "TIFF", tiffinfo=tags)
    if container == "webp":
        return b.saved(rgb, "WEBP", quality=95, xmp=packet, exif=block)
    if container == "jp2":
        return b.jp2(pixels, b.box(b"uuid", XMP_UUID + packet))
    if container == "gif":
        return b.gif(pixels, b.gif_xmp(packet))
    if container == "psd":
        parts = (b.resource(1058, block) if block else b"") + b.resource(1060, packet)
        head = b"8BPS" + struct.pack(">H6xHIIHH", 1, 1, *pixels.shape, 8, 1) + bytes(4)
        return head + struct.pack(">I", len(parts)) + parts + bytes(4) + bytes(2) + pixels.tobytes()
    if container == "jxl":
        coded = bytes(imagecodecs.jpegxl_encode(rgb, lossless=True, usecontainer=False))
        return jxl_file.container(coded, block or None, packet, deep=False)
    if container == "heic":
        library, out = pytest.importorskip("pillow_heif"), io.BytesIO()
        library.from_bytes("RGB", rgb.shape[1::-1], rgb.tobytes()).save(out, quality=95, chroma=444, xmp=packet)
        return out.getvalue()
    return b.saved(rgb, "AVIF", quality=95, xmp=packet, exif=block)


@pytest.mark.parametrize("turned", [2, 3, 5, 6])
@pytest.mark.parametrize("container", ["jpeg", "png", "tiff", "webp", "jp2", "gif", "psd", "jxl", "avif", "heic"])
def test_xmp_alone_turns_the_picture_and_verify_agrees(tmp_path: Path, container: str, turned: int) -> None:
    size = SHOWN.shape if turned >= 5 else SHOWN.shape[::-1]
    packet = b.xmp(b.region(0.3, 0.4, 0.2, 0.1, size), f"tiff:Orientation='{turned}'")
    data = stored(container, np.ascontiguousarray(turn(SHOWN, BACK[turned])), packet)
    before, after, notes = colored(data, tmp_path)
    for path in (before, after):
        pixels = decode(path).pages[0].pixels
        grey = pixels if pixels.ndim == 2 else pixels.mean(2)
        assert np.abs(grey - SHOWN.astype(float)).mean() < 6, "upright"
    if container != "gif":  # its XMP may stand behind the picture, which is not read to tell its size
        assert probe(before).size == probe(after).size == SHOWN.shape[::-1]
    assert audit(before, after, notes) == []


@pytest.mark.parametrize("turned", range(1, 9))
@pytest.mark.parametrize("suffix", ["AVIF", "HEIC"])
def test_a_turn_of_the_container_is_no_alarm(tmp_path: Path, suffix: str, turned: int) -> None:
    """Pillow and pillow-heif write EXIF's orientation as the container's own, `irot` and `imir`."""
    pixels, block = np.ascontiguousarray(turn(SHOWN, BACK[turned])), b.exif(b.short(274, turned))
    if suffix == "HEIC":
        library, out = pytest.importorskip("pillow_heif"), io.BytesIO()
        rgb = np.repeat(pixels[..., None], 3, 2)
        library.from_bytes("RGB", rgb.shape[1::-1], rgb.tobytes()).save(out, quality=95, chroma=444, exif=block)
        data = out.getvalue()
    else:
        data = b.saved(np.repeat(pixels[..., None], 3, 2), "AVIF", quality=95, exif=block)
    before, after, notes = colored(data, tmp_path)
    found = inventory(before)
    assert found is not None and found.turned == turned
    assert np.abs(decode(before).pages[0].pixels.mean(2) - SHOWN).mean() < 6
    assert audit(before, after, notes) == []


def test_where_exif_and_xmp_differ_in_a_photoshop_document_exif_wins(tmp_path: Path) -> None:
    data = stored("psd", np.rot90(SHOWN), b.xmp("", "tiff:Orientation='3'"), b.exif(b.short(274, 6)))
    before, after, notes = colored(data, tmp_path)
    np.testing.assert_array_equal(decode(before).pages[0].pixels, SHOWN)
    assert any("EXIF gives the orientation 6, XMP 3" in note for note in notes)
    assert audit(before, after, notes) == []


def rational(code: int, value: int) -> Tag:
    return Tag(code, 5, 1, struct.pack("<II", value, 1))


def test_a_document_that_knows_no_resolution_keeps_that_of_its_exif(tmp_path: Path) -> None:
    nothing = struct.pack(">IHHIHH", 16, 1, 1, 16, 1, 1)  # a four-thousandth of a dot an inch, as ImageMagick writes it
    block = b.exif(rational(282, 300), rational(283, 300), b.short(296, 2))
    for resolution, expected in ((nothing, 300.0), (struct.pack(">IHHIHH", 96 << 16, 1, 1, 96 << 16, 1, 1), 96.0)):
        parts = b.resource(1005, resolution) + b.resource(1058, block)
        head = b"8BPS" + struct.pack(">H6xHIIHH", 1, 1, *SHOWN.shape, 8, 1) + bytes(4)
        data = head + struct.pack(">I", len(parts)) + parts + bytes(4) + bytes(2) + SHOWN.tobytes()
        before, after, notes = colored(data, tmp_path)
        with Image.open(after) as image:
            assert float(image.info["dpi"][0]) == expected
        assert audit(before, after, notes) == []


@pytest.mark.parametrize("scale", [1, 2])
def test_regions_marked_in_a_smaller_upright_picture_are_no_alarm(tmp_path: Path, scale: int) -> None:
    sides = (SHOWN.shape[1] // scale, SHOWN.shape[0] // scale)
    packet = b.xmp(b.region(0.3, 0.4, 0.2, 0.1, sides), "tiff:Orientation='6'")
    data = stored("jpeg", np.ascontiguousarray(turn(SHOWN, BACK[6])), packet)
    before, after, notes = colored(data, tmp_path)
    assert b'stArea:x="0.3"' in (decode(after).metadata.xmp or b"")
    assert audit(before, after, notes) == []
