"""Which large files are read in strips, and what is said of those that cannot be."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
import tifffile
from PIL import Image

from colorize_cli.errors import DecodeError, TooLargeError
from colorize_cli.formats.blocks import open_in_strips
from colorize_cli.formats.encode import EncodeSettings, write_blocks
from colorize_cli.formats.limits import amount
from colorize_cli.formats.photo import DecodeLimits, PhotoFormat
from colorize_cli.formats.probe import probe
from colorize_cli.formats.read_plan import plan
from colorize_cli.formats.tiff import tiff_format, tiff_writer
from colorize_cli.metadata.provenance import Provenance

GREY = np.tile(np.arange(200, dtype=np.uint8), (150, 1))


def progressive(path: Path) -> PhotoFormat:
    path.write_bytes(cv2.imencode(".jpg", GREY, [cv2.IMWRITE_JPEG_PROGRESSIVE, 1])[1].tobytes())
    return PhotoFormat.jpeg


def interlaced(path: Path) -> PhotoFormat:
    import pyvips

    pyvips.Image.new_from_array(GREY).pngsave(str(path), interlace=True)
    return PhotoFormat.png


def palette(path: Path) -> PhotoFormat:
    Image.fromarray(GREY).convert("P").save(path, "PNG")
    return PhotoFormat.png


def one_strip(path: Path) -> PhotoFormat:
    tifffile.imwrite(path, GREY, compression="lzw", rowsperstrip=150)
    return PhotoFormat.tiff


def floats(path: Path) -> PhotoFormat:
    tifffile.imwrite(path, GREY.astype(np.float32) / 255)
    return PhotoFormat.tiff


def lying(path: Path) -> PhotoFormat:
    tifffile.imwrite(path, GREY, extratags=[(274, "H", 1, 6)])
    return PhotoFormat.tiff


def plain(path: Path) -> PhotoFormat:
    tifffile.imwrite(path, GREY, rowsperstrip=150)  # one strip, but nothing has to be decoded to find a row in it
    return PhotoFormat.tiff


@pytest.mark.parametrize(
    ("make", "word"),
    [
        (progressive, "progressive"),
        (interlaced, "interlaced"),
        (palette, "palette"),
        (one_strip, "strip"),
        (floats, "whole numbers"),
        (lying, "orientation"),
    ],
)
def test_what_has_to_be_held_as_a_whole_is_named(
    make: Callable[[Path], PhotoFormat], word: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tiff_format, "_MOST_SEGMENT", 10_000)
    path = tmp_path / "scan"
    target = make(path)
    found = plan(probe(path), target, stream_from=1, max_memory=1 << 30)
    assert not found.streamed and word in found.reason and found.memory > GREY.size
    with pytest.raises(TooLargeError, match="--max-memory") as refused:
        plan(probe(path), target, stream_from=1, max_memory=1000)
    assert word in refused.value.message and refused.value.hint is not None and "--max-memory" in refused.value.hint


def test_an_uncompressed_strip_may_be_of_any_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tiff_format, "_MOST_SEGMENT", 10_000)
    target = plain(tmp_path / "scan")
    assert plan(probe(tmp_path / "scan"), target, stream_from=1, max_memory=0).streamed


def test_small_files_and_other_formats_go_as_a_whole(tmp_path: Path) -> None:
    target = plain(tmp_path / "scan")
    found = probe(tmp_path / "scan")
    assert plan(found, target, stream_from=2 * GREY.size + 2, max_memory=0).reason == ""
    assert "WEBP" in plan(found, PhotoFormat.webp, stream_from=1, max_memory=0).reason


def test_the_message_names_an_amount_that_is_enough(tmp_path: Path) -> None:
    target = progressive(tmp_path / "scan")
    with pytest.raises(TooLargeError) as refused:
        plan(probe(tmp_path / "scan"), target, stream_from=1, max_memory=1)
    assert refused.value.hint is not None
    enough = refused.value.hint.split()[1]
    need = plan(probe(tmp_path / "scan"), target, stream_from=1, max_memory=1 << 40).memory
    assert enough == amount(need, 1024)
    for value in (1, 999, 1000, 123_456, 1_000_001, 2**30, 2**30 + 1):
        text = amount(value)
        assert float(text.rstrip("KMG")) * 1000 ** " KMG".index(text[-1] if text[-1] in "KMG" else " ") >= value


def test_many_small_pages_are_counted_with_what_the_network_sees_of_them(tmp_path: Path) -> None:
    path = tmp_path / "pages.tif"
    with tifffile.TiffWriter(path) as file:
        for _ in range(900):
            file.write(GREY[:8, :8], metadata=None)
    with pytest.raises(TooLargeError, match="8 x 8 pixels on 900 pages; about 6.*M of memory are needed"):
        plan(probe(path), PhotoFormat.tiff, 1 << 30, 600 << 20, 200 << 20)
    assert not plan(probe(path), PhotoFormat.tiff, 1 << 30, 900 << 20, 200 << 20).streamed


@pytest.mark.parametrize("big", [True, False])
def test_a_result_is_a_bigtiff_only_where_it_must_be(
    big: bool, tmp_path: Path, note: Provenance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tiff_writer, "CLASSIC_MOST", 10_000 if big else 1 << 32)
    plain(tmp_path / "scan.tif")
    scan = open_in_strips(tmp_path / "scan.tif", DecodeLimits())
    out = tmp_path / "out.tif"
    write_blocks(scan, lambda _, block: np.dstack([block.rows.pixels] * 3), out, EncodeSettings(), note)
    with tifffile.TiffFile(out) as file:
        assert file.is_bigtiff is big
        np.testing.assert_array_equal(file.pages[0].asarray(), np.dstack([GREY] * 3))


def test_a_scan_that_changes_while_it_is_read_fails(tmp_path: Path) -> None:
    plain(tmp_path / "scan.tif")
    scan = open_in_strips(tmp_path / "scan.tif", DecodeLimits())
    plain(tmp_path / "scan.tif")
    with (tmp_path / "scan.tif").open("ab") as file:
        file.write(b"more")
    with pytest.raises(DecodeError, match="changed"):
        list(scan.blocks(0))


def test_too_many_pixels_are_refused_with_the_way_out(tmp_path: Path) -> None:
    plain(tmp_path / "scan.tif")
    with pytest.raises(TooLargeError, match="--max-pixels 30K takes them"):
        open_in_strips(tmp_path / "scan.tif", DecodeLimits(max_pixels=1000))
