"""Thousands of small damages to small files of every format, by a fixed seed.

Whatever the damage: a photo that is written and read again, or one clear line; no warning, no chatter, no half file.
"""

from __future__ import annotations

import io
import os
import random
import struct
import time
from collections.abc import Iterator
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray
from PIL import Image

from colorize_cli.color.icc import srgb_profile
from colorize_cli.errors import DecodeError, PhotoError
from colorize_cli.formats.decode import DecodeLimits, decode
from colorize_cli.formats.encode import EncodeSettings, Provenance, read_provenance, target_format, write_photo
from colorize_cli.formats.jpeg import jpeg_file
from colorize_cli.formats.png import png_file
from colorize_cli.formats.probe import probe
from colorize_cli.metadata.ifd import Ifd, Tag
from colorize_cli.metadata.ifd_write import exif_block

LIMITS = DecodeLimits(max_pixels=2_000_000, max_memory=50_000_000)
NOTE = Provenance("colorize-cli", "1", "mini", "0" * 64)
PACKET = (
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="r"><rdf:Description rdf:about=""/></rdf:RDF></x:xmpmeta>'
)


def pyramid() -> bytes:
    """A page with a level inside, one in the chain, a mask, and a page in color."""
    y, x = np.mgrid[0:48, 0:64]
    grey = np.rint(127 + 60 * np.sin(x / 5) + 60 * np.cos(y / 4)).astype(np.uint8)
    out = io.BytesIO()
    with tifffile.TiffWriter(out) as writer:
        writer.write(grey, subifds=1, tile=(16, 16), compression="zlib", metadata=None)
        writer.write(grey[::2, ::2], subfiletype=1, metadata=None)
        writer.write(grey[::4, ::4], subfiletype=1, metadata=None)
        writer.write(grey > 99, subfiletype=4, photometric="mask", metadata=None)
        writer.write(np.dstack((grey, 255 - grey, grey // 2)), photometric="rgb", compression="jpeg", metadata=None)
    return out.getvalue()


def seeds() -> Iterator[tuple[str, bytes]]:
    """Small files that between them hold every structure that is parsed here."""
    y, x = np.mgrid[0:24, 0:32]
    grey = np.rint(127 + 60 * np.sin(x / 5) + 60 * np.cos(y / 4)).astype(np.uint8)
    rgb, deep = np.dstack((grey, 255 - grey, grey // 2)), grey.astype(np.uint16) * 257
    gps = Tag(34853, 4, 1, b"", child=Ifd("<", (Tag(2, 5, 3, struct.pack("<6I", 48, 1, 8, 1, 3, 1)),)))
    inner = Tag(34665, 4, 1, b"", child=Ifd("<", (Tag(37500, 7, 40, bytes(40)), Tag(40962, 4, 1, b"\x20\0\0\0"))))
    exif = exif_block("<", (Tag(274, 3, 1, b"\6\0"), Tag(282, 5, 1, struct.pack("<II", 300, 1)), inner, gps))

    def saved(image: Image.Image, form: str, **options: object) -> bytes:
        out = io.BytesIO()
        image.save(out, form, **options)
        return out.getvalue()

    def tiffed(array: NDArray[np.generic], **options: object) -> bytes:
        out = io.BytesIO()
        tifffile.imwrite(out, array, **options)
        return out.getvalue()

    head = [
        (0xE1, jpeg_file.EXIF + exif),
        (0xE1, jpeg_file.XMP + PACKET),
        (0xED, jpeg_file.PHOTOSHOP + b"8BIM\4\4\0\0\0\0\0\2ab"),
    ]
    head += jpeg_file.icc_segments(srgb_profile())
    yield "grey.jpg", jpeg_file.assemble(saved(Image.fromarray(grey), "JPEG"), head)
    yield "progressive.jpg", saved(Image.fromarray(rgb), "JPEG", progressive=True)
    yield "ink.jpg", saved(Image.fromarray(rgb).convert("CMYK"), "JPEG")
    yield (
        "exif.png",
        saved(Image.fromarray(grey), "PNG", exif=exif, icc_profile=srgb_profile(), dpi=(9, 9)),
    )
    yield "deep.png", bytes(imagecodecs.png_encode(np.dstack((deep, deep, deep, deep))))
    yield "palette.png", saved(Image.fromarray(rgb).convert("P"), "PNG", transparency=3)
    plain = png_file.parse(bytes(imagecodecs.png_encode(grey)))
    yield (
        "text.png",
        png_file.assemble(plain.header(), [(b"tEXt", b"a\0b"), png_file.xmp_chunk(PACKET)], plain.coded, ()),
    )
    yield "plain.tif", tiffed(deep, rowsperstrip=6, resolution=(300, 300), description="d")
    yield "lzw.tif", tiffed(rgb, compression="lzw", predictor=True, byteorder=">", iccprofile=srgb_profile())
    yield "tiles.tif", tiffed(rgb, compression="zlib", tile=(16, 16), bigtiff=True)
    yield "float.tif", tiffed((grey / 255).astype(np.float32))
    pages = io.BytesIO()
    with tifffile.TiffWriter(pages) as writer:
        for array in (grey, deep):
            writer.write(array, extratags=[(700, 1, len(PACKET), PACKET, True), (274, 3, 1, 6, True)])
    yield "pages.tif", pages.getvalue()
    yield "pyramid.tif", pyramid()
    yield "fax.tif", saved(Image.fromarray(grey).convert("1"), "TIFF", compression="group4")
    yield "inside.tif", saved(Image.fromarray(rgb), "TIFF", compression="jpeg")
    yield "lossy.webp", saved(Image.fromarray(rgb), "WEBP", exif=b"Exif\0\0" + exif, xmp=PACKET)
    yield "lossless.webp", saved(Image.fromarray(rgb).convert("RGBA"), "WEBP", lossless=True)
    yield "photo.bmp", saved(Image.fromarray(rgb).convert("P"), "BMP")
    yield "photo.gif", saved(Image.fromarray(grey), "GIF", transparency=3)
    yield "photo.jp2", bytes(imagecodecs.jpeg2k_encode(deep, reversible=True, codecformat="jp2"))
    yield "photo.avif", saved(Image.fromarray(rgb), "AVIF", speed=10, exif=exif)
    yield "plain.pgm", b"P2\n# c\n4 2\n255\n0 1 2 3\n4 5 6 255\n"
    yield "raw.ppm", b"P6\n4 2\n65535\n" + bytes(48)


def mutated(data: bytes, chance: random.Random) -> bytes:
    """One to three damages of the kinds that disks, networks and liars make."""
    out = bytearray(data)
    for _ in range(chance.choice((1, 1, 2, 3))):
        at, kind = chance.randrange(len(out) or 1), chance.randrange(8)
        if kind == 0 and out:
            out[at] ^= 1 << chance.randrange(8)
        elif kind == 1:
            out[at : at + 1] = bytes((chance.choice((0, 1, 0x7F, 0x80, 0xFF)),))
        elif kind == 2:
            out[at : at + 4] = struct.pack(
                chance.choice("<>") + "I", chance.choice((0, 1, 0xFFFF, 2**31 - 1, 2**32 - 1, at))
            )
        elif kind == 3:
            del out[at:]
        elif kind == 4:
            del out[at : at + chance.randrange(1, 40)]
        elif kind == 5:
            out[at:at] = chance.randbytes(chance.randrange(1, 40))
        elif kind == 6:
            size = chance.randrange(1, 60)
            out[at : at + size] = bytes(size)
        else:
            other = chance.randrange(len(out) or 1)
            out[at : at + 12] = out[other : other + 12]
        if not out:
            break
    return bytes(out)


def resealed(data: bytes) -> bytes:
    """A PNG whose checksums are right again, so that the damage reaches the decoders behind them."""
    out, at = bytearray(data[:8]), 8
    while at + 12 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        length = min(length, len(data) - at - 12)
        out += png_file.chunk(kind, data[at + 8 : at + 8 + length])
        at += 12 + length
    return bytes(out)


def endure(path: Path, folder: Path) -> bool:
    """Put a file through the whole room; True where it was written."""
    for read in (probe, read_provenance):
        try:
            read(path)
        except DecodeError as error:
            assert "\n" not in error.message and error.message.strip()
    written = False
    for salvage in (False, True):
        try:
            photo = decode(path, LIMITS, salvage)
            out = folder / f"out-{salvage}"
            settings = EncodeSettings(strip="gps" if salvage else "none")
            form, _ = target_format(photo, settings)
            write_photo(photo, [page.pixels for page in photo.pages], out, settings, NOTE)
            again = decode(out)
            assert again.format is form
            assert [page.size for page in again.pages] == [page.size for page in photo.pages]
            assert read_provenance(out) == NOTE
            written = True
        except PhotoError as error:
            assert "\n" not in error.message and 5 < len(error.message) < 250
            assert isinstance(error, DecodeError) or error.path is not None
    assert not [name for name in os.listdir(folder) if name.endswith(".part")]
    return written


SEEDS = dict(seeds())


def run(name: str, tmp_path: Path, count: int, first: int) -> None:
    folder = tmp_path / "out"
    folder.mkdir()
    path = tmp_path / name
    path.write_bytes(SEEDS[name])
    assert endure(path, folder)
    for number in range(first, first + count):
        data = mutated(SEEDS[name], random.Random(f"{name} {number}"))
        if name.endswith(".png") and number % 2:
            data = resealed(data)
        path.write_bytes(data)
        started = time.process_time()
        try:
            endure(path, folder)
            assert time.process_time() - started < 20, "it took too long"
        except BaseException as error:
            keep = os.environ.get("COLORIZE_FUZZ_KEEP")
            if keep:
                (Path(keep) / f"{number}-{name}").write_bytes(data)
            raise AssertionError(f"{name}, mutation {number}: {type(error).__name__}: {error}") from error


@pytest.mark.parametrize("name", SEEDS)
def test_a_few_damages_of_every_format(name: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    run(name, tmp_path, 15, 0)
    assert capfd.readouterr() == ("", "")


@pytest.mark.slow
@pytest.mark.parametrize("name", SEEDS)
def test_hundreds_of_damages_of_every_format(name: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    run(name, tmp_path, 300, 1000)
    assert capfd.readouterr() == ("", "")
