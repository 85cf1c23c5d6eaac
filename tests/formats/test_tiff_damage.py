"""Damage in the strips of a TIFF is seen, whatever they are coded by; whole ones of every kind are read right."""

from __future__ import annotations

import io
import itertools
import random
from pathlib import Path

import cv2
import imagecodecs
import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray
from PIL import Image, TiffImagePlugin

from colorize_cli.errors import DecodeError
from colorize_cli.formats.blocks import open_in_strips
from colorize_cli.formats.decode import DecodeLimits, decode
from colorize_cli.formats.tiff.tiff_tags import short
from colorize_cli.metadata.ifd import Tag
from colorize_cli.metadata.ifd_write import directory, header

U8 = NDArray[np.uint8]


def page_of(path: Path) -> tuple[bytearray, tifffile.TiffPage]:
    data = path.read_bytes()
    return bytearray(data), tifffile.TiffFile(io.BytesIO(data)).pages[0]  # type: ignore[return-value]


def streamed(path: Path) -> NDArray[np.uint8]:
    return np.concatenate([block.rows.pixels for block in open_in_strips(path, DecodeLimits()).blocks(0)])


@pytest.fixture
def bilevel(grey: U8) -> U8:
    return (cv2.resize(grey, (301, 203)) > 120).astype(np.uint8) * 255


FAXES = [
    (name, tags)
    for name in ("group3", "group4", "tiff_ccitt")
    for tags in ({}, {266: 2}, {278: 16}, {262: 0}, {292: 1}, {292: 4}, {292: 5})
    if name == "group3" or 292 not in tags
]


@pytest.mark.parametrize(("name", "tags"), FAXES)
def test_faxes_are_read_as_libtiff_wrote_them(tmp_path: Path, bilevel: U8, name: str, tags: dict[int, int]) -> None:
    path, info = tmp_path / "fax.tif", TiffImagePlugin.ImageFileDirectory_v2()
    for code, value in tags.items():
        info[code] = value
    Image.fromarray(bilevel).convert("1").save(path, compression=name, tiffinfo=info)
    np.testing.assert_array_equal(decode(path).pages[0].pixels, bilevel)
    np.testing.assert_array_equal(streamed(path), bilevel)


@pytest.mark.parametrize("name", ["group3", "group4", "tiff_ccitt"])
def test_damaged_faxes_are_refused_or_salvaged_and_named(tmp_path: Path, bilevel: U8, name: str) -> None:
    """One wrong bit each: nearly all of them leave code words without a meaning, or lines that do not fit."""
    path, refused, rng = tmp_path / "fax.tif", 0, random.Random(5)
    info = TiffImagePlugin.ImageFileDirectory_v2()
    info[278] = 48
    Image.fromarray(bilevel).convert("1").save(path, compression=name, tiffinfo=info)
    whole, page = page_of(path)
    for _ in range(40):
        data = bytearray(whole)
        data[page.dataoffsets[2] + rng.randrange(page.databytecounts[2] - 8)] ^= 1 << rng.randrange(8)
        path.write_bytes(data)
        try:
            seen = decode(path).pages[0].pixels
            np.testing.assert_array_equal(seen[:96], bilevel[:96])
        except DecodeError as error:
            refused += 1
            assert error.message.startswith("damaged TIFF: fax code: ")
            assert error.hint is not None and "--salvage" in error.hint
            with pytest.raises(DecodeError):
                streamed(path)
            photo = decode(path, salvage=True)
            assert any("1 of 5 strips" in note for note in photo.notes)
            np.testing.assert_array_equal(photo.pages[0].pixels[:96], bilevel[:96])
    assert refused >= 28, f"{refused} of 40 seen"


@pytest.mark.parametrize(
    ("compression", "least"), [("lzw", 8), ("packbits", 2), ("zlib", 40), ("lzma", 39), ("jpeg", 4)]
)
def test_damaged_strips_are_refused(tmp_path: Path, grey: U8, compression: str, least: int) -> None:
    """As many as their coding can tell: deflate and LZMA have checksums, others only lengths."""
    path, rng, refused = tmp_path / "strips.tif", random.Random(1), 0
    tifffile.imwrite(path, cv2.resize(grey, (200, 120)), compression=compression, rowsperstrip=40, metadata=None)
    whole, page = page_of(path)
    for _ in range(40):
        data, strip = bytearray(whole), rng.randrange(3)
        data[page.dataoffsets[strip] + rng.randrange(page.databytecounts[strip])] ^= 1 << rng.randrange(8)
        path.write_bytes(data)
        try:
            decode(path)
        except DecodeError as error:
            refused += 1
            assert error.message.startswith("damaged TIFF: ")
            with pytest.raises(DecodeError):
                streamed(path)
    assert refused >= least, f"{refused} of 40 seen"


@pytest.mark.parametrize("compression", ["lzw", "packbits"])
@pytest.mark.parametrize("change", ["shorter", "longer"])
def test_strips_of_the_wrong_length_are_refused(tmp_path: Path, grey: U8, compression: str, change: str) -> None:
    path = tmp_path / "strips.tif"
    encode = imagecodecs.lzw_encode if compression == "lzw" else imagecodecs.packbits_encode
    raw = grey.tobytes()
    for wrong in (raw[:-300] if change == "shorter" else raw + raw[:300], raw):
        coded = bytes(encode(wrong))
        order, at = "<", 8 + len(coded) + (len(coded) & 1)
        code = 5 if compression == "lzw" else 32773
        sizes = {256: grey.shape[1], 257: grey.shape[0], 258: 8, 259: code, 262: 1, 273: 8, 277: 1, 278: 9999}
        tags = [short(order, number, value, long=True) for number, value in (sizes | {279: len(coded)}).items()]
        path.write_bytes(header(order, at) + coded.ljust(at - 8, b"\0") + bytes(directory(order, tags, at)[0]))
        if wrong is raw:
            np.testing.assert_array_equal(decode(path).pages[0].pixels, grey)
        else:
            with pytest.raises(DecodeError, match="ends too early" if change == "shorter" else "goes on beyond"):
                decode(path)


def ycbcr(rgb: U8) -> U8:
    x = rgb.astype(np.float64)
    y = 0.299 * x[..., 0] + 0.587 * x[..., 1] + 0.114 * x[..., 2]
    return np.rint(
        np.clip(np.dstack((y, (x[..., 2] - y) / 1.772 + 128, (x[..., 0] - y) / 1.402 + 128)), 0, 255)
    ).astype(np.uint8)


def units_of(block: U8, across: int, down: int, planar: int) -> list[bytes]:
    rows, columns = block.shape[:2]
    missing = ((0, -rows % down), (0, -columns % across), (0, 0))
    full = np.pad(block, missing, mode="edge")
    split = full.reshape(full.shape[0] // down, down, full.shape[1] // across, across, 3).swapaxes(1, 2)
    chroma = np.rint(split[..., 1:].mean((2, 3))).astype(np.uint8)
    if planar == 2:
        return [block[..., 0].tobytes(), chroma[..., 0].tobytes(), chroma[..., 1].tobytes()]
    luma = split[..., 0].reshape(*split.shape[:2], -1)
    return [np.concatenate((luma, chroma), axis=2).tobytes()]


def ycbcr_tiff(
    path: Path, samples: U8, factors: tuple[int, int], compression: int, planar: int, unit: int, tiled: bool, *more: Tag
) -> None:
    height, width = samples.shape[:2]
    step = unit if tiled else width
    blocks = [
        samples[top : top + unit, left : left + step]
        for top in range(0, height, unit)
        for left in range(0, width, step)
    ]
    if tiled:
        blocks = [np.pad(b, ((0, unit - b.shape[0]), (0, unit - b.shape[1]), (0, 0)), mode="edge") for b in blocks]
    parts = [units_of(block, *factors, planar) for block in blocks]
    code = {1: bytes, 5: imagecodecs.lzw_encode, 8: imagecodecs.zlib_encode, 32773: imagecodecs.packbits_encode}
    coded = [bytes(code[compression](part[i])) for i in range(len(parts[0])) for part in parts]
    places = np.cumsum([8, *(len(part) for part in coded)])
    body, order = b"".join(coded), "<"
    at = 8 + len(body) + (len(body) & 1)
    tags = [short(order, 256, width), short(order, 257, height), short(order, 258, 8, 8, 8)]
    tags += [short(order, 259, compression), short(order, 262, 6), short(order, 277, 3), short(order, 284, planar)]
    tags += [short(order, 530, *factors), *more]
    first, second = (324, 325) if tiled else (273, 279)
    tags += [short(order, first, *map(int, places[:-1]), long=True)]
    tags += [short(order, second, *map(len, coded), long=True)]
    tags += [short(order, 322, unit), short(order, 323, unit)] if tiled else [short(order, 278, unit)]
    path.write_bytes(header(order, at) + body.ljust(at - 8, b"\0") + bytes(directory(order, tags, at)[0]))


@pytest.mark.parametrize("factors", [(1, 1), (2, 1), (1, 2), (2, 2), (4, 1), (4, 2), (4, 4)])
@pytest.mark.parametrize("compression", [1, 5, 8, 32773])
def test_ycbcr_without_jpeg_is_read(tmp_path: Path, rgb: U8, factors: tuple[int, int], compression: int) -> None:
    path = tmp_path / "ycbcr.tif"
    picture = cv2.resize(rgb, (93, 67), interpolation=cv2.INTER_CUBIC)
    samples = ycbcr(picture)
    across, down = factors
    wide, high = -(-93 // across) * across, -(-67 // down) * down
    full = np.pad(samples, ((0, high - 67), (0, wide - 93), (0, 0)), mode="edge")
    means = full.reshape(high // down, down, wide // across, across, 3).mean((1, 3))
    coarse = np.repeat(np.repeat(np.rint(means), down, 0), across, 1)[:67, :93]
    y, cb, cr = samples[..., 0].astype(float), coarse[..., 1] - 128, coarse[..., 2] - 128
    wanted = np.clip(np.dstack((y + 1.402 * cr, y - 0.344136 * cb - 0.714136 * cr, y + 1.772 * cb)), 0, 255)
    for planar, (unit, tiled) in itertools.product((1, 2), ((16, False), (67, False), (32, True))):
        if unit == 16 and planar == 1 or tiled or unit == 67:
            ycbcr_tiff(path, samples, factors, compression, planar, unit, tiled)
            for seen in (decode(path).pages[0].pixels, streamed(path)):
                if unit == 67 and not tiled or tiled and 32 % (across * down) == 0 or unit == 16:
                    edge = 64 if tiled else 67  # beyond it a tile's own filling joins the means
                    np.testing.assert_allclose(seen[:edge, :64], wanted[:edge, :64], atol=1.01)
                    assert seen.shape == (67, 93, 3)


def test_ycbcr_obeys_its_coefficients_and_reference_black_and_white(tmp_path: Path) -> None:
    """Rec. 709 with 16 to 235, as video has it: black, white and pure colors come out as such."""
    kr, kb = 0.2126, 0.0722
    colors = np.array([[0, 0, 0], [255, 255, 255], [255, 0, 0], [0, 255, 0], [0, 0, 255], [90, 120, 200]], np.float64)
    y = colors @ np.array([kr, 1 - kr - kb, kb])
    cb, cr = (colors[:, 2] - y) / (2 * (1 - kb)), (colors[:, 0] - y) / (2 * (1 - kr))
    samples = np.stack((16 + y * 219 / 255, 128 + cb * 112 / 127.5, 128 + cr * 112 / 127.5), -1)
    block = np.repeat(np.repeat(np.rint(samples).astype(np.uint8)[None], 4, 0), 4, 1)

    def rationals(code: int, *values: float) -> Tag:
        raw = b"".join(round(v * 10000).to_bytes(4, "little") + (10000).to_bytes(4, "little") for v in values)
        return Tag(code, 5, len(values), raw)

    path, more = (
        tmp_path / "video.tif",
        (rationals(529, kr, 1 - kr - kb, kb), rationals(532, 16, 235, 128, 240, 128, 240)),
    )
    ycbcr_tiff(path, block, (2, 2), 1, 1, 4, False, *more)
    seen = decode(path).pages[0].pixels[0, ::4]
    np.testing.assert_allclose(seen, colors, atol=2)


def test_unknown_kinds_of_tiff_are_unsupported_not_damaged(tmp_path: Path, grey: U8) -> None:
    order = "<"
    kinds = {
        "LogLuv": {262: 32845, 259: 34676, 258: 16, 277: 3},
        "LogL": {262: 32844, 259: 34676, 258: 16, 277: 1},
        "LogLuv of 24 bits": {262: 32845, 259: 34677, 258: 16, 277: 3},
        "compression 32766": {262: 1, 259: 32766, 258: 2, 277: 1},
        "photometric 777": {262: 777, 259: 1, 258: 8, 277: 1},
    }
    for words, kind in kinds.items():
        sizes = {256: 16, 257: 16, 273: 8, 278: 16, 279: 1024} | kind
        tags = [short(order, number, value, long=number in (273, 279)) for number, value in sizes.items()]
        path = tmp_path / "kind.tif"
        path.write_bytes(header(order, 1032) + bytes(1024) + bytes(directory(order, tags, 1032)[0]))
        with pytest.raises(DecodeError, match=f"^unsupported TIFF: .*{words.partition(' of ')[0]}") as caught:
            decode(path)
        assert "damaged" not in str(caught.value)


@pytest.mark.parametrize("compression", ["lzw", "packbits", "zlib", "group4", "group3"])
def test_salvage_takes_what_comes_before_the_damage_in_a_single_strip(
    tmp_path: Path, bilevel: U8, compression: str
) -> None:
    path, fax = tmp_path / "strip.tif", compression.startswith("group")
    if fax:
        info = TiffImagePlugin.ImageFileDirectory_v2()
        info[278] = 203
        Image.fromarray(bilevel).convert("1").save(path, compression=compression, tiffinfo=info)
    else:
        noise = np.random.default_rng(0).integers(0, 9, bilevel.shape).astype(np.uint8)
        tifffile.imwrite(path, bilevel // 2 + noise, compression=compression, rowsperstrip=203, metadata=None)
    whole = decode(path).pages[0].pixels
    data, page = page_of(path)
    middle = page.dataoffsets[0] + page.databytecounts[0] // 2
    size = 300 if compression == "packbits" else 40  # enough to hit the length of a run
    data[middle : middle + size] = random.Random(3).randbytes(size)
    path.write_bytes(data)
    with pytest.raises(DecodeError, match="^damaged TIFF: ") as caught:
        decode(path)
    assert caught.value.hint is not None and "--salvage" in caught.value.hint
    photo = decode(path, salvage=True)
    assert any("1 of 1 strips" in note for note in photo.notes)
    np.testing.assert_array_equal(photo.pages[0].pixels[:50], whole[:50])


@pytest.mark.parametrize("damaged", [False, True])
def test_jpeg_of_the_old_kind_is_looked_at_too(tmp_path: Path, rgb: U8, damaged: bool) -> None:
    """A page that points to a whole JPEG, as TIFF 6.0 first had it."""
    picture, out = cv2.resize(rgb, (128, 96)), io.BytesIO()
    Image.fromarray(picture).save(out, "JPEG", quality=95, subsampling=0)
    stream = out.getvalue()
    if damaged:
        middle = len(stream) * 2 // 3
        while 0xFF in (stream[middle - 1], stream[middle], stream[middle + 99], stream[middle + 100]):
            middle += 1
        stream = stream[:middle] + stream[middle + 100 :]
    at = 8 + len(stream) + (len(stream) & 1)
    sizes = {256: 128, 257: 96, 259: 6, 262: 6, 273: 8, 277: 3, 278: 96, 279: len(stream), 513: 8, 514: len(stream)}
    tags = [short("<", number, value, long=True) for number, value in sizes.items()]
    tags += [short("<", 258, 8, 8, 8), short("<", 530, 1, 1)]
    path = tmp_path / "old.tif"
    path.write_bytes(header("<", at) + stream.ljust(at - 8, b"\0") + bytes(directory("<", tags, at)[0]))
    if damaged:
        with pytest.raises(DecodeError, match="^damaged TIFF: .*(premature end|extraneous bytes)"):
            decode(path)
    else:
        with Image.open(out) as image:
            np.testing.assert_allclose(decode(path).pages[0].pixels, np.asarray(image), atol=2)
