"""Sizes that HEIC and AVIF files declare: grids, as phones write them, whose description lies among the boxes."""

from __future__ import annotations

import struct

import pytest

from colorize_cli.formats.heif import heif_sizes

GRID = struct.pack(">BBBBHH", 0, 0, 5, 7, 4032, 3024)
WIDE_GRID = struct.pack(">BBBBII", 0, 1, 1, 1, 70_000, 3024)


def box(kind: bytes, content: bytes, full: bool = False, version: int = 0) -> bytes:
    content = (bytes([version, 0, 0, 0]) if full else b"") + content
    return struct.pack(">I4s", 8 + len(content), kind) + content


def a_file(*items: tuple[bytes, bytes, bool], sides: tuple[int, int] = (512, 512)) -> bytes:
    """`ftyp`, then `meta` with items: type, content, and whether that lies in `idat` or behind the boxes."""
    inside = b"".join(content for _, content, within in items if within)
    infos = [box(b"infe", struct.pack(">HH4sB", n, 0, kind, 0), True, 2) for n, (kind, _, _) in enumerate(items, 1)]
    start = box(b"ftyp", b"heic" + bytes(4) + b"mif1heic")

    def made(behind: int) -> bytes:
        at, rows = {True: 0, False: behind}, b""
        for number, (_, content, within) in enumerate(items, 1):
            rows += struct.pack(">HHHHII", number, within, 0, 1, at[within], len(content))
            at[within] += len(content)
        boxes = box(b"hdlr", bytes(4) + b"pict" + bytes(13), True)
        boxes += box(b"iinf", struct.pack(">H", len(items)) + b"".join(infos), True)
        boxes += box(b"iloc", struct.pack(">HH", 0x4400, len(items)) + rows, True, 1)
        boxes += box(b"iprp", box(b"ipco", box(b"ispe", struct.pack(">II", *sides), True)))
        return start + box(b"meta", boxes + box(b"idat", inside), True)

    return made(len(made(0))) + b"".join(content for _, content, within in items if not within)


@pytest.mark.parametrize("within", [True, False], ids=["in idat", "behind"])
@pytest.mark.parametrize(("grid", "size"), [(GRID, (4032, 3024)), (WIDE_GRID, (70_000, 3024))], ids=["phone", "wide"])
def test_a_grid_is_read_from_where_it_lies(grid: bytes, size: tuple[int, int], within: bool) -> None:
    """A phone's lies in `idat`; what stands at the same distance from the file's start says `ftyp`, 26,228 x 31,088."""
    assert heif_sizes.pictures(a_file((b"hvc1", b"\1" * 40, False), (b"grid", grid, within))).size == size


def test_each_grid_of_several_in_one_box_is_read() -> None:
    small = struct.pack(">BBBBHH", 0, 0, 0, 0, 600, 600)
    assert heif_sizes.pictures(a_file((b"grid", small, True), (b"grid", GRID, True))).size == (4032, 3024)


def test_what_only_looks_like_a_grid_is_none() -> None:
    assert heif_sizes.pictures(a_file((b"Exif", GRID, True), (b"hvc1", GRID, False))).size == (512, 512)
