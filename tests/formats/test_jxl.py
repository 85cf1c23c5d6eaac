"""JPEG XL: read and written with what stands around it; its header is read before anything is decoded."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageCms

from colorize_cli.errors import DecodeError, TooLargeError
from colorize_cli.formats.compare_pages import compared
from colorize_cli.formats.decode import DecodeLimits, decode, probe
from colorize_cli.formats.encode import EncodeSettings, read_provenance
from colorize_cli.formats.jxl import jxl_file, jxl_header
from colorize_cli.formats.jxl.jxl_color import color_of, profile_of
from colorize_cli.formats.photo import PhotoFormat
from colorize_cli.notes import Loss, losses

RNG = np.random.default_rng(4)
SMOOTH = np.linspace(0, 1, 45 * 61 * 3).reshape(45, 61, 3)


def samples(depth: int, channels: int) -> NDArray[Any]:
    shape = (45, 61) if channels == 1 else (45, 61, channels)
    return (RNG.random(shape) * (2**depth - 1)).astype(np.uint8 if depth == 8 else np.uint16)


@pytest.mark.parametrize("container", [False, True])
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("depth", [8, 10, 12, 16])
def test_every_depth_and_number_of_channels(tmp_path: Path, depth: int, channels: int, container: bool) -> None:
    values = samples(depth, channels)
    path = tmp_path / "photo.jxl"
    path.write_bytes(imagecodecs.jpegxl_encode(values, lossless=True, bitspersample=depth, usecontainer=container))
    photo, found = decode(path), probe(path)
    assert photo.format is found.format is PhotoFormat.jxl
    assert photo.pages[0].size == found.size == (61, 45) and found.depth == depth
    wide = values if depth in (8, 16) else (values.astype(np.uint32) * 65535 // (2**depth - 1)).astype(np.uint16)
    color = wide[..., :-1] if channels in (2, 4) else wide
    np.testing.assert_array_equal(photo.pages[0].pixels, color[..., 0] if channels == 2 else color)
    if channels in (2, 4):
        np.testing.assert_array_equal(photo.pages[0].alpha, wide[..., -1])
    else:
        assert photo.pages[0].alpha is None


@pytest.mark.parametrize(
    "size",
    [(1, 1), (8, 8), (64, 64), (96, 120), (300, 200), (264, 256), (257, 513), (9000, 3), (1080, 1920), (720, 1280)],
)
def test_sizes_are_read_from_the_header(size: tuple[int, int]) -> None:
    for lossless in (True, False):
        coded = bytes(imagecodecs.jpegxl_encode(np.zeros((*size, 3), np.uint8), lossless=lossless, effort=1))
        header = jxl_header.header_of(coded)
        assert (header.height, header.width, header.bits) == (*size, 8) and header.lossy is not lossless


@pytest.mark.parametrize("depth", [8, 16])
@pytest.mark.parametrize("quality", [None, 100, 90, 40])
def test_what_is_written_is_srgb_of_the_same_depth(
    tmp_path: Path, rewrite: Any, depth: int, quality: int | None
) -> None:
    path = tmp_path / "photo.png"
    pixels = np.rint(SMOOTH * (2**depth - 1)).astype(np.uint8 if depth == 8 else np.uint16)
    path.write_bytes(imagecodecs.png_encode(pixels))
    photo, after, out = rewrite(path, EncodeSettings(format=PhotoFormat.jxl, quality=quality))
    header = jxl_header.header_of(out.read_bytes())
    assert header.color.is_srgb and (header.bits, header.is_float) == (depth, False)
    assert after.pages[0].pixels.dtype == pixels.dtype and out.suffix == ".jxl"
    if quality in (None, 100):
        np.testing.assert_array_equal(after.pages[0].pixels, pixels)
    else:
        error = np.abs(after.pages[0].pixels / (2**depth - 1) - SMOOTH)
        assert error.mean() < (0.004 if quality == 90 else 0.01) and header.lossy
    assert read_provenance(out) is not None


def test_alpha_is_written(tmp_path: Path, rewrite: Any) -> None:
    path = tmp_path / "photo.png"
    for depth in (8, 16):
        values = samples(depth, 4)
        path.write_bytes(imagecodecs.png_encode(values))
        _, after, _ = rewrite(path, EncodeSettings(format=PhotoFormat.jxl))
        np.testing.assert_array_equal(after.pages[0].alpha, values[..., 3])
        np.testing.assert_array_equal(after.pages[0].pixels, values[..., :3])


def test_exif_and_xmp_travel(tmp_path: Path, rewrite: Any) -> None:
    exif, xmp = (
        Image.Exif(),
        b"<x:xmpmeta xmlns:x='adobe:ns:meta/'><rdf:RDF xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#'/></x:xmpmeta>",
    )
    exif[0x010F], exif[0x0112] = "A maker", 6
    coded = bytes(imagecodecs.jpegxl_encode(samples(8, 3), lossless=True, usecontainer=False))
    block = exif.tobytes().removeprefix(b"Exif\0\0")
    path = tmp_path / "photo.jxl"
    for packed in (False, True):
        data = jxl_file.container(coded, block, xmp, deep=False)
        if packed:  # as libjxl's tools write metadata
            boxes = [
                jxl_file.box_of(b"brob", kind + bytes(imagecodecs.brotli_encode(payload)))
                for kind, payload in ((b"Exif", bytes(4) + block), (b"xml ", xmp))
            ]
            data = jxl_file.SIGNATURE + jxl_file._FTYP + jxl_file.box_of(b"jxlc", coded) + b"".join(boxes)
        path.write_bytes(data)
        before, after, out = rewrite(path)
        assert before.pages[0].size == (61, 45), "the orientation of a JPEG XL is its codestream's, not EXIF's"
        assert after.metadata.exif is not None and b"A maker" in after.metadata.exif
        read = Image.Exif()
        read.load(b"Exif\0\0" + after.metadata.exif)
        assert read.get(0x0112, 1) == 1
        assert after.metadata.xmp is not None and b"colorize" in after.metadata.xmp


def test_other_color_spaces_are_carried_by_a_profile_or_told(tmp_path: Path) -> None:
    """16-bit samples by imagecodecs are linear light: the profile says so."""
    path = tmp_path / "linear.jxl"
    values = samples(16, 3)
    path.write_bytes(imagecodecs.jpegxl_encode(values, lossless=True))
    photo = decode(path)
    np.testing.assert_array_equal(photo.pages[0].pixels, values)
    assert photo.pages[0].icc is not None and photo.notes == ()
    profile = ImageCms.ImageCmsProfile(io.BytesIO(photo.pages[0].icc))
    assert "linear" in ImageCms.getProfileDescription(profile)
    assert losses(photo.notes) == ()


@pytest.mark.parametrize("channels", [1, 3])
def test_a_named_color_space_stays_as_it_is(tmp_path: Path, rewrite: Any, channels: int) -> None:
    """Without loss the same numbers come out, under the same name."""
    path = tmp_path / "linear.jxl"
    values = samples(16, channels)
    path.write_bytes(imagecodecs.jpegxl_encode(values, lossless=True))
    photo, after, out = rewrite(path)
    wanted = values if channels == 3 else np.repeat(values[..., None], 3, 2)
    np.testing.assert_array_equal(after.pages[0].pixels, wanted)
    header = jxl_header.header_of(out.read_bytes())
    assert header.color == jxl_header.JxlColor(transfer=8) and after.pages[0].icc == photo.pages[0].icc
    assert photo.notes == ()


@pytest.mark.parametrize(
    "color",
    [
        jxl_header.JxlColor(primaries=11),
        jxl_header.JxlColor(primaries=9, transfer=1),
        jxl_header.JxlColor(transfer=0, gamma=0.4545454),
    ],
)
def test_names_are_written_as_they_are_read(color: jxl_header.JxlColor) -> None:
    for depth in (8, 16):
        values = samples(depth, 4)
        coded = jxl_file.naked(bytes(imagecodecs.jpegxl_encode(values, lossless=True)))
        named = jxl_header.relabeled(coded, depth, color)
        header = jxl_header.header_of(named)
        assert header.color == color and header.bits == depth and header.alpha
        np.testing.assert_array_equal(imagecodecs.jpegxl_decode(named), values)
        profile = profile_of(color)
        assert profile is not None and color_of(profile) is not None


@pytest.mark.parametrize(("primaries", "red"), [(1, (0.64, 0.33)), (11, (0.68, 0.32)), (9, (0.708, 0.292))])
def test_profiles_of_named_spaces(primaries: int, red: tuple[float, float]) -> None:
    """Red, brought back from D50 to D65 by Bradford's matrix, is where its standard puts it."""
    profile = profile_of(jxl_header.JxlColor(primaries=primaries))
    assert profile is not None
    found = ImageCms.ImageCmsProfile(io.BytesIO(profile)).profile
    bradford = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])
    white = np.array([0.3127 / 0.329, 1, (1 - 0.3127 - 0.329) / 0.329])
    scale = (bradford @ white) / (bradford @ [0.9642, 1.0, 0.8249])
    xyz = np.linalg.inv(bradford) @ np.diag(scale) @ bradford @ np.array(found.red_colorant[0])
    np.testing.assert_allclose(xyz[:2] / xyz.sum(), red, atol=1e-3)
    assert profile_of(jxl_header.JxlColor(primaries=9, transfer=16)) is None, "PQ is no curve of a picture in sRGB"


def test_a_profile_is_applied_when_it_cannot_be_written(tmp_path: Path, rewrite: Any) -> None:
    path = tmp_path / "wide.png"
    profile = profile_of(jxl_header.JxlColor(primaries=11))
    pixels = np.full((20, 30, 3), (200, 120, 90), np.uint8)
    Image.fromarray(pixels).save(path, icc_profile=profile)
    settings = EncodeSettings(format=PhotoFormat.jxl, quality=95)
    photo, after, _ = rewrite(path, settings)
    assert photo.pages[0].icc == profile and after.pages[0].icc is None
    assert not [fault for fault in compared(photo, after, settings).faults if "profile" in fault]
    seen = after.pages[0].pixels[5, 5].astype(int)
    assert abs(seen - [213, 117, 84]).max() <= 3, "P3's color in sRGB's numbers"


def test_animations_give_their_first_frame_and_say_so(tmp_path: Path) -> None:
    path, frames = tmp_path / "moving.jxl", RNG.integers(0, 256, (3, 20, 30, 3)).astype(np.uint8)
    path.write_bytes(imagecodecs.jpegxl_encode(frames, lossless=True))
    photo = decode(path)
    np.testing.assert_array_equal(photo.pages[0].pixels, frames[0])
    assert losses(photo.notes) == (Loss.frames,)


@pytest.mark.parametrize("container", [False, True])
def test_cut_files_are_refused(tmp_path: Path, container: bool) -> None:
    path = tmp_path / "cut.jxl"
    data = bytes(imagecodecs.jpegxl_encode(samples(8, 3), lossless=True, usecontainer=container))
    for share in (0.02, 0.3, 0.9, 0.999):
        path.write_bytes(data[: int(len(data) * share)])
        with pytest.raises(DecodeError, match="JXL"):
            decode(path)


def test_a_huge_picture_is_refused_before_it_is_decoded(tmp_path: Path) -> None:
    """A few bytes that declare 2^30 x 2^30 pixels."""
    value = 0 | 3 << 1 | ((1 << 30) - 1) << 3 | 1 << 33 | 1 << 36
    path = tmp_path / "huge.jxl"
    path.write_bytes(jxl_file.NAKED + value.to_bytes(8, "little") + bytes(40))
    with pytest.raises(TooLargeError):
        decode(path, DecodeLimits())
