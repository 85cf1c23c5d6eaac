"""Color spaces that a file only names by code points are kept as a profile; of HDR it is told what is taken."""

from __future__ import annotations

import io
import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms

from colorize_cli.formats.decode import decode
from colorize_cli.formats.photo import PhotoFormat
from colorize_cli.metadata.audit.compare import audit
from colorize_cli.notes import Loss, losses
from tests.metadata import blocks as b
from tests.metadata.test_audit import colored

GREY = b.picture((96, 64))
RGB = np.repeat(GREY[..., None], 3, 2)


def named(container: str, primaries: int, transfer: int, pixels: np.ndarray = RGB) -> bytes:
    """A picture whose file names a color space."""
    if container == "png":
        return b.png(pixels, (b"cICP", bytes((primaries, transfer, 0, 1))))
    if container == "heic":
        library, out = pytest.importorskip("pillow_heif"), io.BytesIO()
        library.from_bytes("RGB", RGB.shape[1::-1], RGB.tobytes()).save(out, quality=95, chroma=444)
        data = bytearray(out.getvalue())
    else:
        data = bytearray(b.saved(RGB, "AVIF", quality=95))
    struct.pack_into(">HH", data, data.index(b"colrnclx") + 8, primaries, transfer)
    return bytes(data)


@pytest.mark.parametrize(
    ("primaries", "transfer", "name"), [(12, 13, "P3 with sRGB"), (9, 1, "Rec. 2020 with Rec. 709")]
)
@pytest.mark.parametrize("container", ["avif", "heic", "png"])
def test_a_named_space_becomes_a_profile(
    tmp_path: Path, container: str, primaries: int, transfer: int, name: str
) -> None:
    before, after, notes = colored(named(container, primaries, transfer), tmp_path)
    assert Loss.profile not in losses(notes)
    profile = decode(after).pages[0].icc
    assert profile is not None and profile == decode(before).pages[0].icc
    assert ImageCms.getProfileDescription(ImageCms.ImageCmsProfile(io.BytesIO(profile))).strip() == name
    assert audit(before, after, notes) == []
    _, jpeg, _ = colored(before.read_bytes(), tmp_path, "j", format=PhotoFormat.jpeg)
    with Image.open(jpeg) as image:
        assert image.info["icc_profile"] == profile


@pytest.mark.parametrize(("transfer", "curve"), [(16, "PQ"), (18, "HLG")])
@pytest.mark.parametrize("container", ["avif", "heic", "png"])
def test_hdr_is_told(tmp_path: Path, container: str, transfer: int, curve: str) -> None:
    _, _, notes = colored(named(container, 9, transfer), tmp_path)
    assert any(f"Rec. 2020 with {curve} (HDR), which is not read from {container.upper()}" in note for note in notes)
    assert Loss.profile in losses(notes)


@pytest.mark.parametrize(("primaries", "transfer"), [(1, 13), (1, 1), (2, 2), (5, 6), (1, 6)])
@pytest.mark.parametrize("container", ["avif", "heic", "png"])
def test_what_every_viewer_shows_as_srgb_is_srgb(tmp_path: Path, container: str, primaries: int, transfer: int) -> None:
    before, _, notes = colored(named(container, primaries, transfer), tmp_path)
    assert decode(before).pages[0].icc is None and not notes


def test_of_a_grey_png_primaries_say_nothing_and_its_result_is_srgb(tmp_path: Path) -> None:
    before, after, notes = colored(named("png", 12, 13, GREY), tmp_path)
    assert decode(before).pages[0].pixels.ndim == 2 and not notes
    assert b"cICP" not in after.read_bytes() and audit(before, after, notes) == []
    _, hdr, notes = colored(named("png", 9, 16, GREY), tmp_path, "hdr")
    assert any("PQ (HDR)" in note for note in notes) and b"cICP" in hdr.read_bytes()
    _, _, notes = colored(named("png", 1, 8, GREY), tmp_path, "linear")
    assert any("curve that is not read" in note for note in notes)


def test_a_gamma_that_no_other_format_holds_is_told(tmp_path: Path) -> None:
    for value, told in ((55556, True), (45455, False), (100_000, True)):
        data = b.png(GREY, (b"gAMA", struct.pack(">I", value)))
        _, _, notes = colored(data, tmp_path, str(value), format=PhotoFormat.jpeg)
        assert any(f"its gamma of {100_000 / value:.2f} was left out" in note for note in notes) is told
        _, same, notes = colored(data, tmp_path, f"{value}-png")
        assert b"gAMA" + struct.pack(">I", value) in same.read_bytes() and not notes
