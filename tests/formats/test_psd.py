"""Photoshop documents: the flattened picture comes out whatever its color, depth and coding; layers are told."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray
from PIL import Image

from colorize_cli.color.icc import srgb_profile
from colorize_cli.errors import DecodeError
from colorize_cli.formats.decode import decode, probe
from colorize_cli.formats.encode import EncodeSettings, target_format
from colorize_cli.formats.photo import PhotoFormat
from colorize_cli.formats.psd.strip_psd import strip_psd
from colorize_cli.metadata.audit.compare import audit
from colorize_cli.metadata.provenance import Provenance
from colorize_cli.notes import Loss, losses

U8 = NDArray[np.uint8]
MODES = {"bitmap": 0, "grey": 1, "indexed": 2, "rgb": 3, "cmyk": 4, "duotone": 8, "lab": 9}
RNG = np.random.default_rng(2)


def resource(number: int, payload: bytes) -> bytes:
    return b"8BIM" + struct.pack(">HHI", number, 0, len(payload)) + payload + bytes(len(payload) & 1)


def psd(
    planes: NDArray[Any],
    mode: str,
    depth: int,
    coding: int = 0,
    *,
    large: bool = False,
    palette: bytes = b"",
    resources: bytes = b"",
    layers: int = 0,
) -> bytes:
    """A document of (channels, H, W)."""
    count, height, width = planes.shape
    kind = {1: None, 8: ">u1", 16: ">u2", 32: ">f4"}[depth]
    rows = np.packbits(planes, axis=2) if kind is None else planes.astype(kind)
    lines = [row.tobytes() for plane in rows for row in plane]
    if coding == 1:
        packed = [bytes(imagecodecs.packbits_encode(line)) for line in lines]
        body = struct.pack(f">{len(packed)}{'I' if large else 'H'}", *map(len, packed)) + b"".join(packed)
    elif coding == 2:
        body = zlib.compress(b"".join(lines))
    elif coding == 3:
        native = planes.astype(f"u{depth // 8}")
        differences = np.diff(native, axis=2, prepend=native[..., :1] * 0).astype(f">u{depth // 8}")
        body = zlib.compress(differences.tobytes())
    else:
        body = b"".join(lines)
    header = struct.pack(">4sH6xHIIHH", b"8BPS", 2 if large else 1, count, height, width, depth, MODES[mode])
    wide = "Q" if large else "I"
    about = struct.pack(f">{wide}h", 2, layers) if layers else b""
    block = struct.pack(f">{wide}", len(about)) + about
    parts = struct.pack(">I", len(palette)) + palette + struct.pack(">I", len(resources)) + resources + block
    return header + parts + struct.pack(">H", coding) + body


def read(tmp_path: Path, data: bytes, **options: Any) -> Any:
    path = tmp_path / "photo.psd"
    path.write_bytes(data)
    photo, found = decode(path, **options), probe(path)
    assert photo.format is found.format is PhotoFormat.psd and photo.pages[0].size == found.size
    return photo


@pytest.mark.parametrize("large", [False, True])
@pytest.mark.parametrize("coding", [0, 1, 2, 3])
@pytest.mark.parametrize("depth", [8, 16])
@pytest.mark.parametrize("mode", ["grey", "rgb"])
def test_grey_and_rgb(tmp_path: Path, mode: str, depth: int, coding: int, large: bool) -> None:
    planes = np.repeat(RNG.integers(0, 2**depth, (1 if mode == "grey" else 3, 23, 12)), 3, 2)[..., :31]
    data = psd(planes, mode, depth, coding, large=large)
    photo = read(tmp_path, data)
    wanted = planes[0] if mode == "grey" else np.moveaxis(planes, 0, 2)
    assert photo.pages[0].pixels.dtype == (np.uint8 if depth == 8 else np.uint16) and photo.notes == ()
    np.testing.assert_array_equal(photo.pages[0].pixels, wanted)


@pytest.mark.parametrize("mode", ["bitmap", "grey", "indexed", "rgb", "cmyk"])
@pytest.mark.parametrize("coding", [0, 1])
def test_documents_look_as_another_reader_sees_them(tmp_path: Path, mode: str, coding: int) -> None:
    count, depth = {"rgb": 3, "cmyk": 4}.get(mode, 1), 1 if mode == "bitmap" else 8
    planes = RNG.integers(0, 2**depth, (count, 23, 31))
    data = psd(planes, mode, depth, coding, palette=RNG.bytes(768) if mode == "indexed" else b"")
    seen = read(tmp_path, data).pages[0].pixels
    with Image.open(io.BytesIO(data)) as image:
        if mode == "cmyk":
            inks = 255 - np.asarray(image).astype(float)
            np.testing.assert_allclose(seen, inks[..., :3] * inks[..., 3:] / 255, atol=0.51)
        elif mode == "bitmap":  # a set bit is black, as ImageMagick and GIMP have it; Pillow takes it for white
            np.testing.assert_array_equal(seen, 255 - np.asarray(image.convert("L")))
        else:
            wanted = np.asarray(image.convert("L" if mode == "grey" else "RGB"))
            np.testing.assert_array_equal(seen, wanted)


def test_sixteen_bits_of_ink_stay_sixteen(tmp_path: Path) -> None:
    planes = RNG.integers(0, 65536, (4, 23, 31))
    left = np.moveaxis(planes, 0, 2).astype(float)
    seen = read(tmp_path, psd(planes, "cmyk", 16, 1)).pages[0].pixels
    np.testing.assert_allclose(seen, left[..., :3] * left[..., 3:] / 65535, atol=1)


def test_lab_and_linear_light(tmp_path: Path) -> None:
    lab = np.array([[[0, 255, 136]], [[128, 128, 208]], [[128, 128, 195]]])
    seen = read(tmp_path, psd(lab, "lab", 8)).pages[0].pixels[0]
    assert seen[0].tolist() == [0, 0, 0] and seen[1].tolist() == [255, 255, 255]
    assert abs(seen[2].astype(int) - [255, 0, 0]).max() <= 4, "L 53, a 80, b 67 is red"
    light = np.linspace(0, 1, 31)[None, None].repeat(2, 1)
    photo = read(tmp_path, psd(light, "grey", 32))
    encoded = np.where(light[0] <= 0.0031308, light[0] * 12.92, 1.055 * light[0] ** (1 / 2.4) - 0.055)
    np.testing.assert_allclose(photo.pages[0].pixels, encoded * 65535, atol=1)
    assert Loss.depth in losses(photo.notes)


def test_layers_are_told_and_transparency_is_kept(tmp_path: Path) -> None:
    planes = RNG.integers(0, 256, (4, 23, 31))
    photo = read(tmp_path, psd(planes, "rgb", 8, 1, layers=-2))
    np.testing.assert_array_equal(photo.pages[0].alpha, planes[3])
    assert losses(photo.notes) == (Loss.layers,)
    photo = read(tmp_path, psd(planes, "rgb", 8, 1, layers=2))
    assert photo.pages[0].alpha is None and set(losses(photo.notes)) == {Loss.layers, Loss.sub_images}
    np.testing.assert_array_equal(photo.pages[0].pixels, np.moveaxis(planes[:3], 0, 2))


def test_a_document_becomes_a_tiff_with_what_stood_around_it(tmp_path: Path, rewrite: Any, note: Any) -> None:
    xmp = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"/></x:xmpmeta>'
    iptc = b"\x1c\x02\x78\x00\x05Harry"
    resources = b"".join(
        (
            resource(1005, struct.pack(">IHHIHH", 300 << 16, 1, 1, 300 << 16, 1, 1)),
            resource(1028, iptc),
            resource(1024, b"which layer"),
            resource(1036, b"a thumbnail"),
            resource(1037, struct.pack(">I", 120)),
            resource(1062, b"how it is printed"),
            resource(1039, srgb_profile()),
            resource(1060, xmp),
        )
    )
    path = tmp_path / "photo.psd"
    planes = RNG.integers(0, 65536, (3, 23, 31))
    path.write_bytes(psd(planes, "rgb", 16, 1, resources=resources))
    before, after, out = rewrite(path)
    assert after.format is PhotoFormat.tiff and out.suffix == ".tif"
    np.testing.assert_array_equal(after.pages[0].pixels, np.moveaxis(planes, 0, 2))
    assert after.pages[0].icc == srgb_profile() and after.pages[0].metadata.resolution.per_inch() == (300, 300)
    with tifffile.TiffFile(out) as file:
        tags = file.pages[0].tags
        kept = bytes(tags[34377].value)
        assert b"Harry" in kept and resource(1037, struct.pack(">I", 120)) in kept and b"printed" in kept
        assert b"a thumbnail" not in kept and b"which layer" not in kept
        assert b"colorize" in bytes(tags[700].value)
    assert not [fault for fault in audit(path, out) if "resource" in fault]
    form, said = target_format(probe(path), EncodeSettings())
    assert form is PhotoFormat.tiff and said is not None and said.loss is Loss.format


@pytest.mark.parametrize("coding", [0, 1, 2])
def test_a_cut_document_is_refused_or_salvaged(tmp_path: Path, coding: int) -> None:
    planes = RNG.integers(0, 256, (1, 40, 31))
    data = psd(planes, "grey", 8, coding)
    for cut in (data[:-200], data[:20], data[:30]):
        with pytest.raises(DecodeError, match="truncated PSD"):
            read(tmp_path, cut)
    photo = read(tmp_path, data[:-200], salvage=True)
    np.testing.assert_array_equal(photo.pages[0].pixels[:30], planes[0, :30])
    assert Loss.salvage in losses(photo.notes)


def test_rows_that_make_no_sense_are_damage(tmp_path: Path) -> None:
    data = bytearray(psd(np.zeros((1, 40, 31), int), "grey", 8, 1))
    data[-2] = 250  # a run of another length
    with pytest.raises(DecodeError, match="damaged PSD: its rows make no sense"):
        read(tmp_path, bytes(data))


def test_other_kinds_are_unsupported(tmp_path: Path) -> None:
    data = bytearray(psd(np.zeros((3, 4, 4), int), "rgb", 8))
    data[24:26] = b"\0\7"
    with pytest.raises(DecodeError, match="^unsupported PSD: its color is multichannel"):
        read(tmp_path, bytes(data))


def test_as_many_channels_as_photoshop_writes(tmp_path: Path) -> None:
    planes = RNG.integers(0, 256, (56, 5, 7)).astype(np.uint8)
    np.testing.assert_array_equal(read(tmp_path, psd(planes, "rgb", 8)).pages[0].pixels, planes[:3].transpose(1, 2, 0))
    planes = RNG.integers(0, 256, (57, 5, 7)).astype(np.uint8)
    photo = read(tmp_path, psd(planes, "cmyk", 8))
    assert photo.pages[0].pixels.shape == (5, 7, 3) and any("channels beyond" in note for note in photo.notes)


@pytest.mark.parametrize("large", [False, True])
@pytest.mark.parametrize(("depth", "key"), [(16, b"Lr16"), (32, b"Lr32")])
@pytest.mark.parametrize("count", [-1, 2])
def test_layers_of_deep_documents_stand_in_a_block_of_their_own(
    tmp_path: Path, depth: int, key: bytes, count: int, large: bool
) -> None:
    planes = RNG.integers(0, 2**16, (4, 5, 7)) if depth == 16 else RNG.random((4, 5, 7))
    data, wide = psd(planes, "rgb", depth, large=large), ">Q" if large else ">I"
    inner = struct.pack(">h", count) + bytes(30)
    other = b"8BIMPatt" + struct.pack(">I", 3) + b"abc\0"
    block = bytes(12 if large else 8) + other + b"8BIM" + key + struct.pack(wide, len(inner)) + inner
    at = 26 + 4 + 4
    data = data[:at] + struct.pack(wide, len(block)) + block + data[at + struct.calcsize(wide) :]
    photo = read(tmp_path, data)
    assert Loss.layers in losses(photo.notes) and (photo.pages[0].alpha is not None) == (count < 0)
    assert Loss.layers in losses(tuple(strip_psd(data, "all", Provenance("colorize-cli", "1", "tiny", "0" * 64)).notes))
