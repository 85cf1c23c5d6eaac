"""Large files go in strips; the result is that of a photo in memory, and memory does not grow with them."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import imagecodecs
import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray

from colorize_cli.color.icc import srgb_profile
from colorize_cli.color.pixels import halved, lightness_of
from colorize_cli.formats import read_plan, vips_rows
from colorize_cli.formats.blocks import open_in_strips
from colorize_cli.formats.decode import decode
from colorize_cli.formats.jpeg import jpeg_rows
from colorize_cli.formats.photo import DecodeLimits
from colorize_cli.formats.row_cache import RowCache
from colorize_cli.pipeline import opening
from colorize_cli.pipeline.report import RunReport
from colorize_cli.pipeline.run import Progress
from tests.runs import colorize_photos, run_options

Array = NDArray[Any]


BLOCK = 30_000  # bytes: so few that a small picture has many blocks


def grey(dtype: type = np.uint8, height: int = 653, width: int = 551) -> Array:
    """A smooth picture with grain, whose sides are odd and larger than what the network sees."""
    rng = np.random.default_rng(0)
    smooth = cv2.resize(rng.random((9, 7)).astype(np.float32), (width, height), interpolation=cv2.INTER_CUBIC)
    noisy = 0.15 + 0.7 * smooth + rng.normal(0, 0.01, (height, width))
    return np.rint(np.clip(noisy, 0, 1) * np.iinfo(dtype).max).astype(dtype)


def largest_difference(one: Array, other: Array) -> int:
    """Of two values in one place; many times as fast as numpy's own assertion."""
    return int((np.maximum(one, other) - np.minimum(one, other)).max())


def toned(dtype: type = np.uint8) -> Array:
    """A sepia print in RGB."""
    plane = grey(dtype)
    return np.dstack((plane, plane - plane // 16, plane - plane // 8))


def tiff(pixels: Array, **options: Any) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        kind = "rgb" if pixels.ndim == 3 else "minisblack"
        tifffile.imwrite(folder / "scan.tif", pixels, **{"photometric": kind, "metadata": None, **options})
        return folder / "scan.tif"

    return write


def coded(suffix: str, data: bytes) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        (folder / f"scan.{suffix}").write_bytes(data)
        return folder / f"scan.{suffix}"

    return write


def pyramid(inside: bool) -> Callable[[Path], Path]:
    """A scan with two smaller copies, as SubIFDs or as further directories."""

    def write(folder: Path) -> Path:
        base = grey()
        with tifffile.TiffWriter(folder / "scan.tif") as writer:
            writer.write(base, metadata=None, subifds=2 if inside else 0, tile=(64, 64), compression="zlib")
            for factor in (2, 4):
                size = (base.shape[1] // factor, base.shape[0] // factor)
                level = cv2.resize(base, size, interpolation=cv2.INTER_AREA)
                writer.write(level, metadata=None, subfiletype=1, tile=(32, 32), compression="zlib")
        return folder / "scan.tif"

    return write


CASES = {
    "strips": lambda: tiff(grey(), rowsperstrip=17, resolution=(600, 600)),
    "one strip": lambda: tiff(grey(), rowsperstrip=653),
    "tiles": lambda: tiff(grey(), tile=(128, 96)),
    "lzw": lambda: tiff(grey(), rowsperstrip=11, compression="lzw", predictor=True),
    "deflate 16": lambda: tiff(grey(np.uint16), rowsperstrip=100, compression="zlib", predictor=True, byteorder=">"),
    "big tiles 16": lambda: tiff(grey(np.uint16), tile=(64, 64), compression="zlib", bigtiff=True),
    "rgb": lambda: tiff(toned(), rowsperstrip=20, iccprofile=srgb_profile()),
    "rgb 16 planes": lambda: tiff(np.moveaxis(toned(np.uint16), 2, 0).copy(), planarconfig="separate", rowsperstrip=30),
    "alpha": lambda: tiff(np.dstack((toned(), grey())), extrasamples=["unassalpha"], compression="zlib"),
    "min is white": lambda: tiff(grey(), photometric="miniswhite", compression="packbits", rowsperstrip=9),
    "on its head": lambda: tiff(grey(), rowsperstrip=13, extratags=[(274, "H", 1, 3)]),
    "jpeg in tiff": lambda: tiff(toned(), tile=(64, 64), compression="jpeg"),
    "jpeg": lambda: coded("jpg", imagecodecs.jpeg8_encode(grey(), level=85)),
    "jpeg rgb": lambda: coded("jpg", imagecodecs.jpeg8_encode(toned(), level=85, subsampling="422")),
    "png": lambda: coded("png", imagecodecs.png_encode(grey())),
    "png 16": lambda: coded("png", imagecodecs.png_encode(grey(np.uint16))),
    "png alpha": lambda: coded("png", imagecodecs.png_encode(np.dstack((toned(), grey())))),
}


def colorize(model: Path, source: Path, out: Path, stream_from: int, **options: Any) -> RunReport:
    given = {"stream_from": stream_from, "block_bytes": BLOCK, **options}
    job = run_options((str(source),), out=out, model=str(model), device="cpu", **given)
    report = colorize_photos(job)
    assert report.exit_status == 0, [failure.reason for failure in report.failures]
    return report


SELDOM = {"rgb 16 planes", "png alpha", "jpeg rgb", "lzw", "big tiles 16", "one strip", "min is white"}


@pytest.mark.parametrize(
    "case", [pytest.param(case, marks=[pytest.mark.slow] if case in SELDOM else []) for case in CASES]
)
def test_a_streamed_file_is_what_a_photo_in_memory_gives(case: str, quick_model: Path, tmp_path: Path) -> None:
    source = CASES[case]()(tmp_path)
    for name, stream_from in (("whole", 1 << 40), ("strips", 1)):
        colorize(quick_model, source, tmp_path / name, stream_from, verify=True)
    whole, strips = (decode(tmp_path / name / source.name) for name in ("whole", "strips"))
    for one, two in zip(whole.pages, strips.pages, strict=True):
        # a lossy coding of tiles instead of strips may differ by its own noise
        apart = 1 if one.metadata.lossless or case.startswith("jpeg rgb") else 4 if case == "jpeg" else 12
        assert one.pixels.dtype == two.pixels.dtype
        assert two.pixels.shape == one.pixels.shape and largest_difference(two.pixels, one.pixels) <= apart
        assert (one.alpha is None) == (two.alpha is None)
        if one.alpha is not None and two.alpha is not None:
            np.testing.assert_array_equal(two.alpha, one.alpha)
        assert (one.icc, one.metadata.resolution) == (two.icc, two.metadata.resolution)
        assert np.ptp(two.pixels.astype(int), axis=2).max() > 5, "it has no color"
    assert (whole.format, whole.metadata.big, whole.metadata.file.mtime_ns) == (
        strips.format,
        strips.metadata.big,
        strips.metadata.file.mtime_ns,
    )
    packets = [re.sub(rb"<colorize:Size>\d{12}<", b"<", photo.metadata.xmp or b"") for photo in (whole, strips)]
    assert packets[0] == packets[1] and whole.metadata.exif == strips.metadata.exif  # but for the file's own size


def test_a_jpeg_that_is_too_large_to_be_kept_is_reduced_by_its_decoder(
    tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    large = grey(height=1307, width=1101)  # half of it is still larger than what the network sees
    source = coded("jpg", imagecodecs.jpeg8_encode(large, level=85))(tmp_path)
    factors = read_by(monkeypatch)
    colorize(tiny_model, source, tmp_path / "kept", 1)
    assert factors == [1], "kept rows are read once"
    monkeypatch.setattr(read_plan, "CAPACITY", large.size - 1)
    colorize(tiny_model, source, tmp_path / "reduced", 1)
    assert factors == [1, 2, 1]
    kept, reduced = (decode(tmp_path / name / source.name).pages[0].pixels for name in ("kept", "reduced"))
    assert reduced.shape == kept.shape and largest_difference(reduced, kept) <= 8


def test_rows_that_find_no_room_at_the_moment_are_read_again_and_give_the_same_file(
    tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, factors = CASES["jpeg"]()(tmp_path), read_by(monkeypatch)
    colorize(tiny_model, source, tmp_path / "kept", 1)
    monkeypatch.setattr(opening, "RowCache", lambda: RowCache(grey().size - 1))
    colorize(tiny_model, source, tmp_path / "again", 1)
    assert factors == [1, 1, 1]
    kept, again = ((tmp_path / name / source.name).read_bytes() for name in ("kept", "again"))
    assert kept == again


@pytest.mark.slow
@pytest.mark.parametrize("case", ["jpeg", "jpeg rgb"])
def test_a_jpeg_that_is_read_as_a_whole_gives_the_same_file_as_one_that_is_streamed(
    case: str, tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, factors = CASES[case]()(tmp_path), read_by(monkeypatch)
    colorize(tiny_model, source, tmp_path / "held", grey().size + 1)
    assert factors == []
    colorize(tiny_model, source, tmp_path / "streamed", 1)
    assert factors == [1]
    colorize(tiny_model, source, tmp_path / "verified", grey().size + 1, verify=True)
    held, streamed = ((tmp_path / name / source.name).read_bytes() for name in ("held", "streamed"))
    assert held == streamed and b"\xff\xdd" in held, "it has restart intervals"


def test_room_is_free_again_when_a_file_is_done(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source, factors = CASES["jpeg"]()(tmp_path), read_by(monkeypatch)
    cache = RowCache(grey().size)
    for _ in range(2):
        first, second = (cache.caching(open_in_strips(source, DecodeLimits(), BLOCK)) for _ in range(2))
        for reader in (first, first, second, second):
            assert sum(len(block.rows.pixels) for block in reader.blocks(0)) == len(grey())
        del first, second, reader
    assert len(factors) == 2 * (1 + 2)


def test_rows_that_are_let_go_are_read_again_and_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source, factors = CASES["jpeg"]()(tmp_path), read_by(monkeypatch)
    reader = RowCache().caching(open_in_strips(source, DecodeLimits(), BLOCK))
    for reads in (1, 1, 2, 3):
        if reads == 2:
            reader.let_go()
        assert sum(len(block.rows.pixels) for block in reader.blocks(0)) == len(grey())
        assert len(factors) == reads


def read_by(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The factors by which pictures are decoded from now on, by libvips row by row or by TurboJPEG at once."""
    rows, at_once, factors = vips_rows.read_rows, jpeg_rows.JpegRows._decoded, list[int]()

    def counted(*given: Any) -> Any:
        factors.append(given[4])
        return rows(*given)

    def counted_at_once(read: jpeg_rows.JpegRows, factor: int) -> Any:
        factors.append(factor)
        return at_once(read, factor)

    monkeypatch.setattr(vips_rows, "read_rows", counted)
    monkeypatch.setattr(jpeg_rows.JpegRows, "_decoded", counted_at_once)
    return factors


def test_lightness_stays_to_one_step_of_sixteen_bits(tiny_model: Path, tmp_path: Path) -> None:
    source = CASES["deflate 16"]()(tmp_path)
    colorize(tiny_model, source, tmp_path / "out", 1)
    before, after = decode(source).pages[0].pixels, decode(tmp_path / "out" / source.name).pages[0].pixels
    ramp = lightness_of(np.arange(65536, dtype=np.uint16)[None])[0]
    steps = np.maximum(np.diff(ramp, append=ramp[-1]), np.diff(ramp, prepend=0))
    assert (np.abs(lightness_of(after) - ramp[before]) <= steps[before] + 1e-3).all()


def test_the_result_of_a_tiff_has_tiles(tiny_model: Path, tmp_path: Path) -> None:
    source = CASES["lzw"]()(tmp_path)
    colorize(tiny_model, source, tmp_path / "out", 1)
    with tifffile.TiffFile(tmp_path / "out" / source.name) as file:
        page = file.pages[0]
        assert (page.is_tiled, page.compression.name, page.predictor) == (True, "LZW", 2)


@pytest.mark.parametrize("inside", [True, False])
def test_a_pyramid_is_made_anew(inside: bool, tiny_model: Path, tmp_path: Path) -> None:
    source = pyramid(inside)(tmp_path)
    for name, stream_from in (("whole", 1 << 40), ("strips", 1)):
        colorize(tiny_model, source, tmp_path / name, stream_from, verify=True)
    with (
        tifffile.TiffFile(tmp_path / "whole" / "scan.tif") as one,
        tifffile.TiffFile(tmp_path / "strips" / "scan.tif") as two,
    ):
        pairs = [(page.pages if inside else file.pages[1:]) for file in (one, two) for page in file.pages[:1]]
        assert len(pairs[0]) == len(pairs[1]) == 2
        for whole, strips in zip(*pairs, strict=True):
            assert strips.shape == whole.shape and largest_difference(strips.asarray(), whole.asarray()) <= 1


def test_progress_is_told_within_a_file(tiny_model: Path, tmp_path: Path) -> None:
    source, steps = CASES["strips"]()(tmp_path), list[Progress]()
    job = run_options(
        (str(source),), tmp_path / "out", str(tiny_model), "cpu", stream_from=1, block_bytes=BLOCK, verify=True
    )
    colorize_photos(job, steps.append)
    for stage in ("reading", "coloring", "verifying"):
        done = [step.part.done for step in steps if step.part is not None and step.part.stage == stage]
        assert done == sorted(done) and len(done) > 5 and done[-1] == len(grey())


def test_an_interrupted_scan_leaves_nothing(tiny_model: Path, tmp_path: Path) -> None:
    source = CASES["strips"]()(tmp_path)

    def interrupt(step: Progress) -> None:
        if step.part is not None and step.part.stage == "coloring" and step.part.done > 300:
            raise KeyboardInterrupt  # as if it had come while the strip was written

    job = run_options((str(source),), tmp_path / "out", str(tiny_model), "cpu", stream_from=1)
    report = colorize_photos(job, interrupt)
    assert report.interrupted and report.exit_status == 130
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["colorize-report.json"]


def test_what_cannot_be_streamed_is_refused_in_one_line(tiny_model: Path, tmp_path: Path) -> None:
    source = tmp_path / "scan.jpg"
    source.write_bytes(cv2.imencode(".jpg", grey(), [cv2.IMWRITE_JPEG_PROGRESSIVE, 1])[1].tobytes())
    job = run_options((str(source),), tmp_path / "out", str(tiny_model), "cpu", stream_from=1, max_memory=1 << 20)
    reason = colorize_photos(job).failures[0].reason
    assert reason is not None and "progressive" in reason and "--max-memory" in reason and "\n" not in reason


def test_a_scan_that_is_cut_short_fails_and_leaves_nothing(tiny_model: Path, tmp_path: Path) -> None:
    for case in ("lzw", "jpeg", "png"):
        source = CASES[case]()(tmp_path)
        source.write_bytes(source.read_bytes()[:-2000])
        job = run_options((str(source),), tmp_path / "out", str(tiny_model), "cpu", stream_from=1)
        report = colorize_photos(job)
        assert len(report.failures) == 1, case
        assert not list((tmp_path / "out").glob("scan*")), case


def test_a_dry_run_says_how_much_memory_a_scan_takes(tiny_model: Path, tmp_path: Path) -> None:
    source, steps = CASES["strips"]()(tmp_path), list[Progress]()
    job = run_options((str(source),), tmp_path / "out", str(tiny_model), "cpu", stream_from=1, dry_run=True)
    colorize_photos(job, steps.append)
    notes = [note for step in steps if step.outcome for note in step.outcome.notes]
    assert any("in strips" in note and "of memory" in note for note in notes)


@pytest.mark.parametrize("in_color", [False, True])
def test_a_large_jpeg_saved_as_rgb_is_reduced_by_its_decoder_only_where_it_is_grey(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, in_color: bool
) -> None:
    pixels = np.repeat(grey(height=1307, width=1101)[..., None], 3, axis=2)
    if in_color:
        pixels[:400, :, 2] //= 2
    source = coded("jpg", imagecodecs.jpeg8_encode(pixels, level=90, subsampling="420"))(tmp_path)
    factors = read_by(monkeypatch)
    reader = open_in_strips(source, DecodeLimits())
    copy = np.concatenate([block.rows.pixels for block in reader.blocks(0, 4)])
    assert factors == ([4, 1] if in_color else [4])
    whole = np.concatenate([block.rows.pixels for block in reader.blocks(0)])
    wanted = halved(whole, 2)
    assert copy.shape == wanted.shape == (326, 275, 3)
    if in_color:
        np.testing.assert_array_equal(copy, wanted)
    else:
        assert np.ptp(copy, axis=2).max() == 0 and largest_difference(copy, wanted) <= 2
