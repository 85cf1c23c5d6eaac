"""BMP of all kinds: what is stored comes out, and what is cut or torn is seen."""

from __future__ import annotations

import io
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from colorize_cli.errors import DecodeError
from colorize_cli.formats.bmp.run_lengths import decode_runs
from colorize_cli.formats.decode import decode, probe
from colorize_cli.formats.photo import PhotoFormat

U8 = NDArray[np.uint8]
RNG = np.random.default_rng(3)
PALETTE = RNG.integers(0, 256, (256, 3)).astype(np.uint8)


def rows_of(values: NDArray[Any], bits: int, flip: bool = True) -> bytes:
    """Indices, whole pixels, or (H, W, 3) of BGR, as padded rows from the bottom to the top."""
    lines = values[::-1] if flip else values
    out = []
    for line in lines:
        if bits >= 8:
            kind = {8: np.uint8, 16: "<u2", 24: np.uint8, 32: "<u4"}[bits]
            raw = line.astype(kind).tobytes()
        else:
            wide = (line[:, None] >> np.arange(bits - 1, -1, -1)) & 1
            raw = np.packbits(wide.astype(np.uint8).reshape(-1)).tobytes()
        out.append(raw + bytes(-len(raw) % 4))
    return b"".join(out)


def bmp(
    width: int,
    height: int,
    bits: int,
    body: bytes,
    *,
    size: int = 40,
    coding: int = 0,
    masks: tuple[int, ...] = (),
    palette: U8 | None = None,
    bare: bool = False,
    gap: int = 0,
) -> bytes:
    if size == 12:
        header = struct.pack("<IHHHH", 12, width, height, 1, bits)
        table = b"" if palette is None else palette[:, ::-1].tobytes()
    else:
        used = 0 if palette is None or len(palette) == 2**bits else len(palette)
        header = struct.pack("<IiiHHIIiiII", size, width, height, 1, bits, coding, len(body), 2835, 2835, used, 0)
        if size == 16:
            header = header[:16]
        elif size >= 52 and size != 64:
            header += struct.pack("<4I", *(*masks, 0, 0, 0, 0)[:4])[: size - 40]
        header = header.ljust(size, b"\0")
        if masks and (size == 40 or size == 64):
            header += struct.pack(f"<{len(masks)}I", *masks)
        table = (
            b"" if palette is None else np.hstack((palette[:, ::-1], np.zeros((len(palette), 1), np.uint8))).tobytes()
        )
    if bare:
        return header + table + body
    start = 14 + len(header) + len(table) + gap
    return struct.pack("<2sIHHI", b"BM", start + len(body), 0, 0, start) + header + table + bytes(gap) + body


def read(tmp_path: Path, data: bytes, suffix: str = ".bmp", **options: Any) -> Any:
    path = tmp_path / f"photo{suffix}"
    path.write_bytes(data)
    photo, found = decode(path, **options), probe(path)
    assert photo.format is found.format is PhotoFormat.bmp and photo.pages[0].size == found.size
    return photo


@pytest.mark.parametrize("size", [12, 16, 40, 52, 56, 64, 108, 124])
@pytest.mark.parametrize("bits", [1, 2, 4, 8])
@pytest.mark.parametrize("bare", [False, True])
def test_palettes_of_all_headers(tmp_path: Path, size: int, bits: int, bare: bool) -> None:
    indices = RNG.integers(0, 2**bits, (13, 21))
    palette = PALETTE[: 2**bits]
    data = bmp(21, 13, bits, rows_of(indices, bits), size=size, palette=palette, bare=bare)
    np.testing.assert_array_equal(read(tmp_path, data).pages[0].pixels, palette[indices])


@pytest.mark.parametrize("size", [12, 16, 40, 64, 108, 124])
@pytest.mark.parametrize("gap", [0, 10])
def test_true_color_of_all_headers(tmp_path: Path, rgb: U8, size: int, gap: int) -> None:
    height, width = rgb.shape[:2]
    body = rows_of(rgb[..., ::-1].reshape(height, -1), 24)
    data = bmp(width, height, 24, body, size=size, gap=gap)
    np.testing.assert_array_equal(read(tmp_path, data).pages[0].pixels, rgb)
    if size == 40:
        upside = bmp(width, -height, 24, rows_of(rgb[..., ::-1].reshape(height, -1), 24, flip=False))
        np.testing.assert_array_equal(read(tmp_path, upside, ".dib").pages[0].pixels, rgb)
        array = struct.pack("<2sIIHH", b"BA", 40, 0, 640, 480)
        moved = bytearray(array + data)
        struct.pack_into("<I", moved, 14 + 10, struct.unpack_from("<I", data, 10)[0] + 14)
        np.testing.assert_array_equal(read(tmp_path, bytes(moved)).pages[0].pixels, rgb)


FIELDS = {
    "555": (16, 0, ()),
    "565": (16, 3, (0xF800, 0x7E0, 0x1F)),
    "444": (16, 3, (0xF00, 0xF0, 0xF)),
    "4444 alpha": (16, 6, (0xF00, 0xF0, 0xF, 0xF000)),
    "8888 plain": (32, 0, ()),
    "888 elsewhere": (32, 3, (0xFF000000, 0xFF0, 0xFF0000)),
    "bgr": (32, 3, (0xFF, 0xFF00, 0xFF0000)),
    "alpha": (32, 6, (0xFF0000, 0xFF00, 0xFF, 0xFF000000)),
    "10 bits": (32, 3, (0x3FF00000, 0xFFC00, 0x3FF)),
    "11 11 10": (32, 3, (0xFFE00000, 0x1FFC00, 0x3FF)),
}


@pytest.mark.parametrize("name", FIELDS)
@pytest.mark.parametrize("size", [40, 56, 108, 124])
def test_bit_fields(tmp_path: Path, name: str, size: int) -> None:
    bits, coding, masks = FIELDS[name]
    if size > 40:
        coding = min(coding, 3)
    values = RNG.integers(0, 2**bits, (11, 17)).astype(np.uint64)
    data = bmp(17, 11, bits, rows_of(values, bits), size=size, coding=coding, masks=masks)
    page = read(tmp_path, data).pages[0]
    shown = masks or ((0x7C00, 0x3E0, 0x1F) if bits == 16 else (0xFF0000, 0xFF00, 0xFF))
    deep = max(mask.bit_count() for mask in shown) > 8
    top = 65535 if deep else 255
    assert page.pixels.dtype == (np.uint16 if deep else np.uint8)

    def plane(mask: int) -> NDArray[np.float64]:
        low = (mask & -mask).bit_length() - 1
        return ((values & np.uint64(mask)) >> np.uint64(low)).astype(float) / (mask >> low) * top

    wanted = np.stack([plane(mask) for mask in shown[:3]], -1)
    np.testing.assert_allclose(page.pixels, wanted, atol=0.5 + 1e-6)
    if len(masks) == 4:
        np.testing.assert_allclose(page.alpha, plane(masks[3]), atol=0.5 + 1e-6)
    else:
        assert page.alpha is None


def runs(indices: U8, bits: int, ends: bool = True) -> bytes:
    """Both kinds of runs, a jump, and the marks of rows."""
    out = b""
    for line in indices[::-1]:
        at = 0
        while at < len(line):
            same = 1
            while at + same < len(line) and line[at + same] == line[at] and same < 255:
                same += 1
            if same == 1 and at + 5 <= len(line):
                part = line[at : at + 5]
                packed = (
                    bytes(part) if bits == 8 else bytes((part[0] << 4 | part[1], part[2] << 4 | part[3], part[4] << 4))
                )
                out += bytes((0, 5)) + packed + bytes(len(packed) & 1)
                at += 5
            else:
                value = int(line[at])
                out += bytes((same, value if bits == 8 else value << 4 | value))
                at += same
        out += b"\0\0"
    return out + (b"\0\1" if ends else b"")


@pytest.mark.parametrize("bits", [4, 8])
@pytest.mark.parametrize("ends", [True, False])
def test_run_lengths(tmp_path: Path, bits: int, ends: bool) -> None:
    indices = np.repeat(RNG.integers(0, 2**bits, (12, 9)), 3, 1).astype(np.uint8)
    indices[:, 7:19] = RNG.integers(0, 2**bits, (12, 12))
    palette = PALETTE[: 2**bits]
    body = runs(indices, bits, ends)
    data = bmp(27, 12, bits, body, coding=1 if bits == 8 else 2, palette=palette)
    np.testing.assert_array_equal(read(tmp_path, data).pages[0].pixels, palette[indices])
    if ends:
        with Image.open(io.BytesIO(data)) as image:
            np.testing.assert_array_equal(np.asarray(image.convert("RGB")), palette[indices])
    cut = bmp(27, 12, bits, body[: len(body) * 2 // 3], coding=1 if bits == 8 else 2, palette=palette)
    with pytest.raises(DecodeError, match="damaged BMP: its run lengths end too early") as caught:
        read(tmp_path, cut)
    assert "--salvage" in str(caught.value)
    photo = read(tmp_path, cut, salvage=True)
    np.testing.assert_array_equal(photo.pages[0].pixels[-6:], palette[indices][-6:])
    assert any("salvaged" in note for note in photo.notes)


def test_jumps_leave_the_first_color(tmp_path: Path) -> None:
    body = b"\x02\x05" + b"\0\2\3\1" + b"\x02\x07" + b"\0\1"  # two pixels; three to the right and one up; two more
    pixels = read(tmp_path, bmp(9, 3, 8, body, coding=1, palette=PALETTE)).pages[0].pixels
    wanted = np.zeros((3, 9), int)
    wanted[2, :2], wanted[1, 5:7] = 5, 7
    np.testing.assert_array_equal(pixels, PALETTE[wanted])


def test_run_lengths_of_os2_in_true_color(tmp_path: Path) -> None:
    body = b"\x03\x10\x20\x30" + b"\0\3" + bytes(range(9)) + b"\0" + b"\0\0" + b"\x06\1\2\3" + b"\0\1"
    pixels = read(tmp_path, bmp(6, 2, 24, body, size=64, coding=4)).pages[0].pixels
    assert pixels[1, :3].tolist() == [[0x30, 0x20, 0x10]] * 3 and pixels[0].tolist() == [[3, 2, 1]] * 6
    assert pixels[1, 3:].tolist() == [[2, 1, 0], [5, 4, 3], [8, 7, 6]]


@pytest.mark.parametrize("bits", [1, 8, 24, 32])
def test_a_cut_bmp_is_refused_or_salvaged(tmp_path: Path, rgb: U8, bits: int) -> None:
    height, width = rgb.shape[:2]
    values = rgb[..., ::-1].reshape(height, -1) if bits == 24 else RNG.integers(0, 2**bits, (height, width))
    data = bmp(width, height, bits, rows_of(values, bits), palette=PALETTE[: 2**bits] if bits <= 8 else None)
    whole = read(tmp_path, data).pages[0].pixels
    line = (width * bits + 31) // 32 * 4
    with pytest.raises(DecodeError, match="truncated BMP: its end is missing"):
        read(tmp_path, data[: -2 * line - 3])
    photo = read(tmp_path, data[: -2 * line - 3], salvage=True)
    np.testing.assert_array_equal(photo.pages[0].pixels[3:], whole[3:])
    assert photo.notes == (f"salvaged: 3 of {height} rows are missing",)


def test_a_bmp_may_hold_a_jpeg_or_a_png(tmp_path: Path, rgb: U8) -> None:
    for name, coding in (("JPEG", 4), ("PNG", 5)):
        out = io.BytesIO()
        Image.fromarray(rgb).save(out, name)
        pixels = read(tmp_path, bmp(rgb.shape[1], rgb.shape[0], 0, out.getvalue(), coding=coding)).pages[0].pixels
        with Image.open(out) as image:
            np.testing.assert_array_equal(pixels, np.asarray(image.convert("RGB")))


def test_grey_palettes_give_grey(tmp_path: Path, grey: U8) -> None:
    palette = np.repeat(np.arange(255, -1, -1, dtype=np.uint8)[:, None], 3, 1)
    data = bmp(grey.shape[1], grey.shape[0], 8, rows_of(255 - grey, 8), palette=palette)
    np.testing.assert_array_equal(read(tmp_path, data).pages[0].pixels, grey)


def test_what_makes_no_sense_is_refused(tmp_path: Path) -> None:
    wrong = {
        "masks": bmp(4, 4, 32, bytes(64), coding=3, masks=(0xF0F0, 0xF, 0xF00)),
        "coding 9": bmp(4, 4, 24, bytes(64), coding=9),
        "7 bits per pixel": bmp(4, 4, 7, bytes(64)),
        "0 x 4 pixels": bmp(0, 4, 24, bytes(64)),
    }
    for words, data in wrong.items():
        with pytest.raises(DecodeError, match=f"damaged BMP: .*{words}"):
            read(tmp_path, data)
    with pytest.raises(DecodeError, match="unsupported BMP: its pixels are inks"):
        read(tmp_path, bmp(4, 4, 32, bytes(64), coding=11))


@pytest.mark.parametrize(("coding", "step"), [("rle8", 1), ("rle4", 1), ("rle24", 3)])
@pytest.mark.parametrize("rows", [(8, 5, 5), (5, 8, 5), (5, 5, 8), (8, 8, 8)])
def test_runs_that_fill_whole_words(coding: Any, step: int, rows: tuple[int, ...]) -> None:
    def run(count: int, value: int) -> bytes:
        return bytes((count, *[0x11 * value] * step))

    wanted = np.repeat([[1], [2], [3]], 5, 1) * (0x11 if coding != "rle4" else 1)
    for parts in ([8], [5, 3], [4, 4]):
        lines = [b"".join(run(n, k) for n in (parts if count == 8 else [count])) for k, count in enumerate(rows, 1)]
        found, whole = decode_runs(b"\0\0".join(lines) + b"\0\1", 5, 3, coding)
        assert whole
        np.testing.assert_array_equal(found[..., 0] if step == 3 else found, wanted)
    found, whole = decode_runs(run(9, 1) + b"\0\0" + run(5, 2) + b"\0\0" + run(5, 3) + b"\0\1", 5, 3, coding)
    assert not whole
    np.testing.assert_array_equal(found[..., 0] if step == 3 else found, wanted)
    found, whole = decode_runs(run(5, 1) * 9 + b"\0\1", 5, 3, coding)  # no row ends
    assert not whole and found.shape[:2] == (3, 5)
