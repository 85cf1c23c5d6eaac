"""Sizes that HEIC and AVIF files declare: grids, as phones write them, whose description lies among the boxes."""

from __future__ import annotations

import struct
import time
import tracemalloc

import pytest

from colorize_cli.formats.heif import heif_boxes, heif_items, heif_sizes
from colorize_cli.formats.jp2.jp2_file import boxes
from colorize_cli.metadata.audit import iso_blocks
from colorize_cli.metadata.audit.file_blocks import AuditError

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


def with_properties(shared: bytes, items: int, each: int) -> bytes:
    """A file whose items all have the same property, so many times each."""
    rows = b"".join(struct.pack(">HB", number, each) + b"\1" * each for number in range(1, items + 1))
    inside = box(b"ipco", shared) + box(b"ipma", struct.pack(">I", items) + rows, True)
    return box(b"ftyp", b"avifmif1") + box(b"meta", box(b"pitm", b"\0\1", True) + box(b"iprp", inside), True)


@pytest.mark.parametrize("shared", [box(b"auxC", b"u" * 500_000, True), box(b"colr", b"prof" + b"p" * 500_000)])
def test_a_property_that_many_items_share_is_held_once(shared: bytes) -> None:
    for data in (with_properties(shared, 40_000, 1), with_properties(shared, 1, 255)):
        tracemalloc.start()
        heif_boxes.around(data)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 50 << 20, "40,000 times half a megabyte are 20 GB"


def test_properties_and_references_without_end_are_not_followed() -> None:
    data, started = with_properties(box(b"irot", b"\1"), 60_000, 255), time.monotonic()
    assert heif_boxes.around(data) == heif_boxes.HeifAround()
    with pytest.raises(AuditError, match="more properties"):
        iso_blocks.heif(data, "avif")
    links = box(b"iref", b"".join(box(b"cdsc", struct.pack(">HHH", n, 1, 1)) for n in range(60_000)), True)
    data = links + bytes(4_000_000)
    found, _ = heif_items.references_of(data, next(boxes(data)))  # each had copied the file: 300 GB
    assert len(found) == 60_000
    with pytest.raises(ValueError, match="more references"):
        data = box(b"iref", box(b"cdsc", struct.pack(">HH", 1, 60_000) + bytes(120_000)) * 10, True)
        heif_items.references_of(data, next(boxes(data)))
    assert time.monotonic() - started < 10


def test_sequence_headers_without_end_are_refused() -> None:
    headers = (b"\x0a\x0b" + bytes((0, 0, 0, 0x24)) + b"\xff" * 7) * 100
    rows = b"".join(struct.pack(">HHHHII", n, 0, 0, 1, 0, len(headers)) for n in range(2000))
    data = headers + box(b"meta", box(b"iloc", b"\x44\0" + struct.pack(">H", 2000) + rows, True, 1), True)
    data = box(b"free", headers) + data[len(headers) :]
    with pytest.raises(heif_sizes.BoxError, match="more sizes than any picture needs"):
        heif_sizes.pictures(data.replace(struct.pack(">II", 0, len(headers)), struct.pack(">II", 8, len(headers))))
