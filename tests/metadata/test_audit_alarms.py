"""The second reader raises no alarm over odd files, and costs no more than their length."""

from __future__ import annotations

import io
import zlib
from pathlib import Path

import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray

from colorize_cli import Colorizer
from colorize_cli.formats.photo import PhotoFormat
from colorize_cli.metadata.audit.compare import audit
from tests.metadata import blocks as b
from tests.metadata.test_audit import CAPTION, GREY, RICH, TITLED, colored, list_of, tiff, uuid


def test_stripped_places_that_are_still_there_are_named(tmp_path: Path):
    placed = b.xmp("", 'exif:GPSLatitude="48,51N" photoshop:City="Paris"')
    source, result, notes = colored(b.jpeg(GREY, *list_of(RICH), b.app_xmp(placed)), tmp_path)
    found = audit(source, result, notes, "gps")
    assert {"GPS tag (1) is still there", "IPTC City (2:90) is still there"} <= set(found)
    assert any(fault.startswith("XMP ") and fault.endswith("is still there") for fault in found)
    found = audit(source, result, notes, "all")
    assert any("ExifIFD" in fault for fault in found) and "IPTC is still there" in found


SIDES = [b.short(40962, 4032), b.short(40963, 3024)]  # of the picture that was made smaller


@pytest.mark.parametrize(
    "source",
    [
        b.jpeg(np.zeros((64, 64), np.uint8)),
        b.jpeg(GREY) + b"\0" * 100,
        b.jpeg(GREY, (0xFE, b"")),
        b.jpeg(GREY, b.app_xmp(b"<x:xmpmeta>no end")),
        b.jpeg(GREY, b.app_exif(b"II*\0\x08\0\0\0\xff\xff")),
        b.png(GREY, (b"tEXt", b"Comment\0caf\xe9")),
        b.png(GREY, (b"zTXt", b"Comment\0\0broken")),
        b.gif(GREY, b.gif_comment(b"x"))[:-1],
        tiff("group4", GREY > 127),
        tiff("packbits", np.full((20, 30), 255, np.uint8)),
        b.saved(GREY, "WEBP", lossless=True, exif=b.exif(b.text(271, "Z"))),
        b.jpeg(GREY, b.app_exif(b.exif(b.short(274, 6), inside=[b.short(37396, 2015, 1511, 2217, 1330)]))),
        b.jpeg(GREY, b.app_exif(b.exif(b.short(274, 6), inside=[b.short(37396, 2015, 1511, 80, 60), *SIDES]))),
        b.saved(GREY, "PPM"),
        b.saved(GREY, "BMP"),
    ],
)  # fmt: skip
def test_odd_but_whole_files_raise_no_alarm(tmp_path: Path, source: bytes):
    assert audit(*colored(source, tmp_path)) == []


@pytest.mark.parametrize("coding", ["ascii", "latin-1", "utf-8"])
def test_a_comment_in_any_coding_can_be_read_in_a_png(tmp_path: Path, coding: str):
    words = "Strasse" if coding == "ascii" else "Großmutter, Köln"
    comment = words.encode(coding)
    for number, source in enumerate((b.jpeg(GREY, (0xFE, comment)), b.gif(GREY, b.gif_comment(comment)))):
        before, after, notes = colored(source, tmp_path, f"s{number}", format=PhotoFormat.png)
        assert audit(before, after, notes) == []
        assert words.encode() in after.read_bytes()


@pytest.mark.parametrize("format", [PhotoFormat.jpeg, PhotoFormat.webp, PhotoFormat.tiff, PhotoFormat.jxl])
@pytest.mark.parametrize(
    "chunks",
    [
        [(b"bKGD", b"\0\xff")],  # as ImageMagick writes it
        [(b"sBIT", b"\x08")],
        [(b"iTXt", b"Comment\0\0\0\0\0by Ada"), (b"iTXt", b"Title\0\0\0\0\0Lyon")],
        [(b"zTXt", b"Comment\0\0" + zlib.compress(b"by Ada")), (b"zTXt", b"Title\0\0" + zlib.compress(b"Lyon"))],
    ],
)
def test_what_a_png_alone_has_is_told_or_needless_elsewhere(
    tmp_path: Path, format: PhotoFormat, chunks: list[tuple[bytes, bytes]]
):
    assert audit(*colored(b.png(GREY, *chunks), tmp_path, format=format)) == []


def patches(low: int, high: int, seed: int) -> NDArray[np.uint8]:
    drawn = np.random.default_rng(seed).integers(low, high, (6, 8))
    return np.kron(drawn, np.ones((8, 8))).astype(np.uint8)


def luma_and_chroma() -> bytes:
    """A drawing in TIFF's YCbCr, not compressed, each plane of full size; luma and chroma are unlike each other."""
    out, planes = io.BytesIO(), [patches(90, 160, 0), patches(64, 192, 1), patches(64, 192, 2)]
    tifffile.imwrite(out, np.stack(planes, -1), photometric="ycbcr", subsampling=(1, 1))
    return out.getvalue()


def signed_bytes() -> bytes:
    """Libvips takes what is below zero, here three quarters of it, for black."""
    out = io.BytesIO()
    tifffile.imwrite(out, (patches(0, 170, 3).astype(np.int16) - 128).astype(np.int8))
    return out.getvalue()


@pytest.mark.slow
@pytest.mark.parametrize("source", [luma_and_chroma(), signed_bytes()], ids=["YCbCr", "signed"])
def test_samples_that_the_second_reader_takes_for_others_raise_no_alarm(tmp_path: Path, source: bytes):
    given = tmp_path / "given.tif"
    given.write_bytes(source)
    done = Colorizer("mini", on_color="recolor").file(given, tmp_path / "colored.tif")
    assert done.status == "done"
    assert audit(given, tmp_path / "colored.tif", done.notes) == []


def test_a_property_costs_no_more_than_its_length(tmp_path: Path):
    import time

    def seconds(blanks: int) -> float:
        packet = b.xmp(b.title("a") + " " * blanks)
        before, after = tmp_path / f"{blanks}.png", tmp_path / f"{blanks}.out.png"
        for path in (before, after):
            path.write_bytes(b.png(GREY, b.png_xmp(packet)))
        start = time.process_time()
        assert audit(before, after) == []
        return time.process_time() - start

    seconds(1000)
    assert seconds(2_000_000) < 3 * seconds(1_000_000) + 0.2


def described_tiff() -> bytes:
    import tifffile

    out = io.BytesIO()
    own = [(285, 2, 5, "page", True), (65000, 2, 5, "mine", True), (33723, 7, len(CAPTION), CAPTION, True)]
    tifffile.imwrite(out, GREY, extratags=own, metadata=None, description="a wedding")
    return out.getvalue()


SOURCES = {
    "jpeg": RICH,
    "png": b.png(GREY, (b"tEXt", b"Author\0Ada"), (b"prVt", b"x"), (b"eXIf", b.exif(b.text(271, "Z")))),
    "tiff": described_tiff(),
    "jp2": b.jp2(GREY, uuid(b.IPTC_UUID, CAPTION), b.box(b"xml ", b"<gml/>"), uuid(bytes(range(16)), b"x")),
    "gif": b.gif(GREY, b.gif_comment(b"from the attic"), b.gif_xmp(TITLED)),
    "bmp": b.bmp_v5(GREY, b.icc()),
    "ppm": b"P5\n# my comment\n64 48\n255\n" + GREY.tobytes(),
    "webp": b.saved(GREY, "WEBP", lossless=True, exif=b.exif(b.text(271, "Z")), xmp=TITLED, icc_profile=b.icc()),
}  # fmt: skip


@pytest.mark.parametrize("strip", ["none", "gps", "all"])
@pytest.mark.parametrize("format", ["jpeg", "png", "tiff", "webp", "jp2", "jxl", "avif", "bmp", "ppm"])
@pytest.mark.parametrize("source", SOURCES)
def test_whatever_becomes_of_a_block_it_is_there_or_its_loss_is_told(
    tmp_path: Path, source: str, format: str, strip: str
):
    before, after, notes = colored(SOURCES[source], tmp_path, format=PhotoFormat(format), strip=strip)
    assert audit(before, after, notes, strip) == []
