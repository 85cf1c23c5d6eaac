"""What stands around the pixels of PNG and TIFF, what moves between formats, what is stripped, and profiles."""

from __future__ import annotations

import io
import struct
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray
from PIL import Image, ImageCms, TiffImagePlugin

from colorize_cli.color.icc import space_of, srgb_profile
from colorize_cli.formats.encode import EncodeSettings, Provenance, read_provenance
from colorize_cli.formats.jpeg import jpeg_file
from colorize_cli.formats.photo import PhotoFormat
from colorize_cli.formats.png import png_file
from colorize_cli.metadata import irb
from colorize_cli.metadata.ifd import Ifd, Tag
from tests.formats.test_metadata import IPTC, MAKER_NOTE, PACKET, THUMBNAIL, U8, Rewrite, block, jpeg, rich_jpeg


def test_png_keeps_text_profile_resolution_exif_and_xmp(
    tmp_path: Path, rewrite: Rewrite, grey16: NDArray[np.uint16], note: Provenance
) -> None:
    plain = png_file.parse(bytes(imagecodecs.png_encode(grey16)))
    extra = [
        (b"gAMA", struct.pack(">I", 45455)),
        (b"pHYs", struct.pack(">IIB", 11811, 5906, 1)),
        (b"eXIf", block(1)),
        (b"tEXt", b"Title\0Ein Haus"),
        (b"zTXt", b"Comment\0\0" + __import__("zlib").compress(b"long text")),
        (b"iTXt", b"Author\0\0\0de\0\0" + "Jürgen".encode()),
        (b"tIME", b"\x07\xd0\1\1\0\0\0"),
        png_file.xmp_chunk(PACKET),
    ]
    path = tmp_path / "text.png"
    path.write_bytes(png_file.assemble(plain.header(), extra, plain.coded, ()))
    _, after, out = rewrite(path)
    for item in extra[:1] + extra[3:7]:
        assert item in after.metadata.text
    resolution = after.pages[0].metadata.resolution
    assert resolution is not None and resolution.per_metre() == (11811, 5906)
    assert after.metadata.exif is not None and MAKER_NOTE in after.metadata.exif
    assert after.metadata.xmp is not None and "Großmutter".encode() in after.metadata.xmp
    assert read_provenance(out) == note


def test_software_is_named_only_where_nobody_is(tmp_path: Path, rewrite: Rewrite, grey: U8) -> None:
    for name, software in (("a", "Epson Scan"), ("b", None)):
        path = tmp_path / f"{name}.tif"
        tifffile.imwrite(path, grey, software=software or False, metadata=None)
        _, _, out = rewrite(path)
        with tifffile.TiffFile(out) as file:
            assert file.pages[0].tags["Software"].value == (software or "colorize-cli 1.2.3")
        path = tmp_path / f"{name}.png"
        path.write_bytes(_png_with_software(grey, software))
        _, after, _ = rewrite(path)
        found = [payload for kind, payload in after.metadata.text if payload.startswith(b"Software\0")]
        assert found == [b"Software\0" + (software or "colorize-cli 1.2.3").encode()]
        path = tmp_path / f"{name}.jpg"
        path.write_bytes(jpeg(grey, *([(0xE1, jpeg_file.EXIF + block(1))] if software else [])))
        _, after, out = rewrite(path)
        with Image.open(out) as image:
            assert image.getexif()[305] == ("ScannerSoft 1" if software else "colorize-cli 1.2.3")


def _png_with_software(grey: U8, software: str | None) -> bytes:
    plain = png_file.parse(bytes(imagecodecs.png_encode(grey)))
    text = [(b"tEXt", b"Software\0" + software.encode())] if software else []
    return png_file.assemble(plain.header(), text, plain.coded, ())


def test_tiff_keeps_the_tags_of_every_page(tmp_path: Path, rewrite: Rewrite, grey: U8, note: Provenance) -> None:
    path = tmp_path / "album.tif"
    with tifffile.TiffWriter(path, byteorder=">") as writer:
        for number in range(3):
            tags = [
                (315, 2, None, f"artist {number}", True),
                (297, 3, 2, (number, 3), True),
                (33432, 2, None, "nobody's", True),
                (65123, 12, 2, (1.5, number), True),
                (700, 1, len(PACKET), PACKET, True),
                (33723, 7, len(IPTC), IPTC, True),
                (34377, 7, None, irb.with_iptc(IPTC) + THUMBNAIL, True),
            ]
            writer.write(
                grey,
                description=f"page {number}",
                datetime="1999:12:31 23:59:59",
                software="Scan",
                extratags=tags,
                resolution=(200 + number, 100),
                resolutionunit="CENTIMETER",
                metadata=None,
            )
    _, after, out = rewrite(path)
    with tifffile.TiffFile(out) as file:
        assert file.byteorder == ">"
        for number, page in enumerate(file.pages):
            tags = page.tags
            assert tags["ImageDescription"].value == f"page {number}"
            assert tags["Artist"].value == f"artist {number}"
            assert tags["PageNumber"].value == (number, 3)
            assert tags["DateTime"].value == "1999:12:31 23:59:59"
            assert tags[65123].value == (1.5, number)
            assert tags["YResolution"].value == (200 + number, 1)  # turned, as the packet says
            assert tags["XResolution"].value == (100, 1) and tags["ResolutionUnit"].value == 3
            assert "Großmutter".encode() in tags[700].value
            assert bytes(tags[33723].value) == IPTC and b"abcd" not in bytes(tags[34377].value)
    assert read_provenance(out) == note
    assert irb.iptc_of(after.metadata.iptc) == IPTC


def test_exif_inside_tiff_is_copied_with_its_maker_note(tmp_path: Path, rewrite: Rewrite, grey: U8) -> None:
    path = tmp_path / "exif.tif"
    Image.fromarray(grey).save(path)
    inner = Ifd("<", (Tag(37500, 7, len(MAKER_NOTE), MAKER_NOTE), Tag(33437, 5, 1, struct.pack("<II", 28, 10))))
    data = bytearray(path.read_bytes())
    from colorize_cli.metadata.ifd import read_header, read_ifd
    from colorize_cli.metadata.ifd_write import directory

    start = read_header(bytes(data))
    tags = [*read_ifd(bytes(data), start, start.first).tags, Tag(34665, 4, 1, b"", child=inner)]
    struct.pack_into("<I", data, 4, len(data))
    path.write_bytes(bytes(data) + bytes(directory("<", tags, len(data))[0]))
    for settings in (EncodeSettings(), EncodeSettings(format=PhotoFormat.jpeg)):
        _, _, out = rewrite(path, settings)
        assert MAKER_NOTE in out.read_bytes()
        with Image.open(out) as image:
            assert image.getexif().get_ifd(34665)[33437] == TiffImagePlugin.IFDRational(28, 10)


@pytest.mark.parametrize("target", list(PhotoFormat))
def test_metadata_moves_between_formats(
    tmp_path: Path, rewrite: Rewrite, grey: U8, note: Provenance, target: PhotoFormat
) -> None:
    if target is PhotoFormat.heic:
        pytest.importorskip("pillow_heif")
    path = tmp_path / "rich.jpg"
    path.write_bytes(rich_jpeg(grey))
    _, after, out = rewrite(path, EncodeSettings(format=target))
    assert read_provenance(out) == note
    if target not in (PhotoFormat.bmp, PhotoFormat.ppm):
        assert b"Agnes B" in out.read_bytes() and MAKER_NOTE in out.read_bytes()
        assert after.metadata.xmp is not None and "Großmutter".encode() in after.metadata.xmp
        assert after.pages[0].size == (40, 56)  # the sides stay exchanged, once
    if target is PhotoFormat.tiff:
        assert irb.iptc_of(after.metadata.iptc) == IPTC


def test_strip_gps_leaves_the_rest(tmp_path: Path, rewrite: Rewrite, grey: U8, note: Provenance) -> None:
    path = tmp_path / "rich.jpg"
    path.write_bytes(rich_jpeg(grey))
    _, after, out = rewrite(path, EncodeSettings(strip="gps"))
    data = out.read_bytes()
    assert b"GPSL" not in data and b"48,8.5N" not in data and struct.pack("<6I", 48, 1, 8, 1, 30, 1) not in data
    with Image.open(out) as image:
        found = image.getexif()
        assert 34853 not in found and found[315] == "Agnes B" and dict(found.get_ifd(34665))[37500] == MAKER_NOTE
    assert after.metadata.xmp is not None and "Großmutter".encode() in after.metadata.xmp
    assert read_provenance(out) == note


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tif", ".webp"])
def test_strip_all_leaves_pixels_profile_resolution_and_our_note(
    tmp_path: Path, rewrite: Rewrite, grey: U8, note: Provenance, suffix: str
) -> None:
    path = tmp_path / f"rich{suffix}"
    profile = srgb_profile()
    if suffix == ".jpg":
        path.write_bytes(
            jpeg_file.assemble(rich_jpeg(grey), [(0xE1, jpeg_file.EXIF + block()), *jpeg_file.icc_segments(profile)])
        )
    elif suffix == ".tif":
        Image.fromarray(grey).save(path, dpi=(300, 300), description="Agnes B", icc_profile=profile)
    else:
        Image.fromarray(grey).save(path, exif=block(), icc_profile=profile)
    before, after, out = rewrite(path, EncodeSettings(strip="all"))
    data = out.read_bytes()
    for private in (b"Agnes", b"MAKER", b"Gro", b"a comment", b"caption", b"private"):
        assert private not in data
    assert after.pages[0].icc == profile
    assert after.pages[0].metadata.resolution == before.pages[0].metadata.resolution
    assert read_provenance(out) == note


def test_an_rgb_profile_stays_and_many_segments_are_joined(tmp_path: Path, rewrite: Rewrite, rgb: U8) -> None:
    profile = bytearray(srgb_profile() + bytes(range(256)) * 600)
    profile[:4] = struct.pack(">I", len(profile))
    path = tmp_path / "profiled.jpg"
    path.write_bytes(jpeg(rgb, *jpeg_file.icc_segments(bytes(profile))))
    before, after, _ = rewrite(path)
    assert before.pages[0].icc == after.pages[0].icc == bytes(profile)


def test_a_damaged_profile_is_left_out_and_said(tmp_path: Path, rewrite: Rewrite, rgb: U8) -> None:
    path = tmp_path / "profiled.jpg"
    path.write_bytes(jpeg(rgb, (0xE2, jpeg_file.ICC + b"\1\2half of it")))
    before, after, _ = rewrite(path)
    assert after.pages[0].icc is None and any("profile" in text for text in before.notes)


def grey_profile(gamma: float) -> bytes:
    curve = b"curv" + bytes(4) + struct.pack(">IH", 1, round(gamma * 256)) + bytes(2)
    white = b"XYZ " + bytes(4) + struct.pack(">3i", 63190, 65536, 54061)
    tags = struct.pack(">I4sII4sII", 2, b"kTRC", 156, 14, b"wtpt", 172, 20)
    head = bytearray(128)
    head[8:12], head[12:24], head[36:40] = b"\2\x40\0\0", b"mntrGRAYXYZ ", b"acsp"
    head[68:80] = struct.pack(">3i", 63190, 65536, 54061)
    body = bytes(head) + tags + curve + white
    return struct.pack(">I", len(body)) + body[4:]


@pytest.mark.parametrize("gamma", [1.0, 1.8, 2.2])
def test_a_grey_profile_is_applied_as_little_cms_does(tmp_path: Path, rewrite: Rewrite, gamma: float) -> None:
    ramp = np.arange(256, dtype=np.uint8).reshape(8, 32)
    profile = grey_profile(gamma)
    path = tmp_path / "toned.png"
    Image.fromarray(ramp).save(path, icc_profile=profile)
    before, after, _ = rewrite(path)
    source, target = ImageCms.ImageCmsProfile(io.BytesIO(profile)), ImageCms.createProfile("sRGB")
    transform = ImageCms.buildTransform(source, target, "L", "RGB", ImageCms.Intent.RELATIVE_COLORIMETRIC)
    expected = np.asarray(ImageCms.applyTransform(Image.fromarray(ramp), transform))
    # Little CMS interpolates coarsely in the darkest tones of a linear profile.
    assert np.abs(before.pages[0].pixels.astype(int) - expected[..., 1])[1:].max() <= 1
    assert after.pages[0].icc == srgb_profile()


def test_a_grey_profile_keeps_16_bits(tmp_path: Path, rewrite: Rewrite, grey16: NDArray[np.uint16]) -> None:
    path = tmp_path / "toned.tif"
    tifffile.imwrite(path, grey16, iccprofile=grey_profile(2.2))
    before, after, _ = rewrite(path)
    assert before.pages[0].pixels.dtype == np.uint16 and len(np.unique(before.pages[0].pixels)) > 1500
    np.testing.assert_array_equal(after.pages[0].pixels[..., 1], before.pages[0].pixels)


def test_the_srgb_profile_holds_no_time_of_day() -> None:
    first = srgb_profile()
    srgb_profile.cache_clear()
    assert srgb_profile() == first
    assert space_of(first) == "rgb"


def test_resolution_in_every_unit(tmp_path: Path, rewrite: Rewrite, grey: U8) -> None:
    for unit, code in (("inch", 1), ("cm", 2)):
        path = tmp_path / f"{unit}.jpg"
        path.write_bytes(jpeg(grey, (0xE0, b"JFIF\0\1\1" + bytes([code]) + b"\0\x76\0\x76\0\0")))
        for target in (PhotoFormat.jpeg, PhotoFormat.tiff, PhotoFormat.png, PhotoFormat.jp2):
            before, after, _ = rewrite(path, EncodeSettings(format=target))
            a, b = before.pages[0].metadata.resolution, after.pages[0].metadata.resolution
            assert a is not None and b is not None and a.unit == unit
            assert b.per_inch() == pytest.approx(a.per_inch(), rel=0.001)
            if target in (PhotoFormat.jpeg, PhotoFormat.tiff):
                assert a == b
