"""`--verify` through the pipeline: a faulty writer is found out, and its results do not stay."""

from __future__ import annotations

import io
import struct
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import tifffile
from PIL import Image

from colorize_cli.color.icc import curve_of
from colorize_cli.color.merge import merge
from colorize_cli.color.pixels import lightness_of
from colorize_cli.color.spaces import SRGB
from colorize_cli.errors import EncodeError
from colorize_cli.formats.blocks import BlockReader, open_in_strips
from colorize_cli.formats.decode import decode
from colorize_cli.formats.encode import EncodeSettings, Provenance, write_photo
from colorize_cli.formats.jpeg import encode_jpeg, jpeg_file
from colorize_cli.formats.photo import DecodeLimits, PhotoFormat
from colorize_cli.inference.measuring import EIGHT_BIT_LIMIT, Measured, eight_bit_limit, sixteen_bit_limit
from colorize_cli.inference.verify import Findings, verify
from colorize_cli.pipeline.outcome import Status
from colorize_cli.pipeline.report import RunReport
from tests.metadata import blocks as b
from tests.runs import colorize_photos, run_options


def colorize(tiny_model: Path, photo: Path, out: Path, **options: object) -> RunReport:
    return colorize_photos(run_options((str(photo),), out, model=str(tiny_model), device="cpu", verify=True, **options))  # type: ignore[arg-type]


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "in" / "p.jpg"
    path.parent.mkdir()
    iptc = b.app_photoshop(b.resource(1028, b.iim((120, b"A wedding"))))
    path.write_bytes(b.jpeg(b.picture((96, 64)), iptc, (0xFE, b"a comment"), b.app_icc(b.icc())))
    return path


@pytest.mark.parametrize(
    "module, function, named",
    [
        (jpeg_file, "photoshop_segments", "IPTC Caption-Abstract (2:120) is missing"),
        (encode_jpeg, "comments_of", "JPEG comment is missing"),
    ],
)
@pytest.mark.parametrize("stream_from", [1 << 40, 1], ids=["whole", "strips"])
def test_a_writer_that_drops_a_block_is_found_out(
    tiny_model: Path,
    photo: Path,
    tmp_path: Path,
    monkeypatch,
    module: ModuleType,
    function: str,
    named: str,
    stream_from: int,
):
    out = tmp_path / "out"
    assert colorize(tiny_model, photo, out, stream_from=stream_from).counts == {Status.done: 1}
    good = (out / "p.jpg").read_bytes()
    monkeypatch.setattr(module, function, lambda *_: [])
    report = colorize(tiny_model, photo, out, stream_from=stream_from, overwrite=True)
    assert report.exit_status == 3 and named in (report.failures[0].reason or "")
    assert (out / "p.jpg").read_bytes() == good  # the earlier result stays, and nothing half done beside it
    assert sorted(file.name for file in out.iterdir()) == ["colorize-report.json", "p.jpg"]
    monkeypatch.undo()
    (out / "p.jpg").unlink()
    assert colorize(tiny_model, photo, out, stream_from=stream_from).counts == {Status.done: 1}


@pytest.mark.parametrize("level", [0, 1, 254, 255])
@pytest.mark.parametrize("quality", [95, 60])
def test_pictures_that_coding_leaves_as_they_were_pass(tiny_model: Path, tmp_path: Path, level: int, quality: int):
    path = tmp_path / "in" / "flat.jpg"
    path.parent.mkdir()
    path.write_bytes(b.saved(np.full((60, 80), level, np.uint8), "JPEG", quality=quality))
    assert colorize(tiny_model, path, tmp_path / "out").counts == {Status.done: 1}


@pytest.mark.parametrize("x, y", [(0, 0), (0xFFFFFFFF, 1), (1, 0xFFFFFFFF)])
def test_a_broken_resolution_raises_no_alarm(tiny_model: Path, tmp_path: Path, x: int, y: int):
    broken = [b.Tag(282, 5, 1, x.to_bytes(4, "little") + y.to_bytes(4, "little")), b.text(283, "no number")]
    path = tmp_path / "in" / "p.jpg"
    path.parent.mkdir()
    path.write_bytes(b.jpeg(b.picture((96, 64)), b.app_exif(b.exif(*broken))))
    report = colorize(tiny_model, path, tmp_path / "out")
    assert report.counts == {Status.done: 1}, report.failures


def tiff(resolution: tuple[int, int], unit: int) -> bytes:
    """A TIFF that gives a fraction for both sides and a unit."""
    out = io.BytesIO()
    tifffile.imwrite(out, b.picture((96, 64)), resolution=(72, 72))
    data = bytearray(out.getvalue())
    with tifffile.TiffFile(io.BytesIO(data)) as file:
        tags = file.pages.first.tags
        places = [(tags[code].valueoffset, "<II", resolution) for code in (282, 283)]
        places.append((tags[296].valueoffset, "<H", (unit,)))
    for place, form, values in places:
        struct.pack_into(form, data, place, *values)
    return bytes(data)


def psd(resolution: int) -> bytes:
    """A grey PSD that gives a resolution, in 65536ths of a dot per inch."""
    pixels = b.picture((96, 64))
    block = b.resource(0x03ED, struct.pack(">IHHIHH", resolution, 1, 1, resolution, 1, 1))
    head = b"8BPS" + struct.pack(">H6xHIIHH", 1, 1, 64, 96, 8, 1)
    return head + struct.pack(">II", 0, len(block)) + block + struct.pack(">IH", 0, 0) + pixels.tobytes()


def jfif(unit: int, density: int) -> bytes:
    data = bytearray(b.saved(b.picture((96, 64)), "JPEG"))
    struct.pack_into(">BHH", data, 13, unit, density, density)
    return bytes(data)


def png(density: int) -> bytes:
    return b.png(b.picture((96, 64)), (b"pHYs", struct.pack(">IIB", density, density, 1)))


def bmp(density: int) -> bytes:
    data = bytearray(b.saved(b.picture((96, 64)), "BMP"))
    struct.pack_into("<ii", data, 38, density, density)
    return bytes(data)


@pytest.mark.parametrize("form", ["keep", "png", "tif", "jpg"])
def test_what_nothing_was_scanned_with_is_no_resolution(tiny_model: Path, tmp_path: Path, form: str) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    # zero, what comes to zero, what no format can hold, and a unit that there is not
    for number, value in enumerate([(0, 0), (0, 1), (1, 0), (1, 65536), (1, 2**32 - 1), (2**32 - 1, 1)]):
        for unit in (1, 2, 3):
            (folder / f"t{number}-{unit}.tif").write_bytes(tiff(value, unit))
    (folder / "unit0.tif").write_bytes(tiff((300, 1), 0))
    (folder / "unit7.tif").write_bytes(tiff((300, 1), 7))
    (folder / "half.tif").write_bytes(tiff((3, 2), 3))
    for density in (0, 1, 2**31 - 1):
        (folder / f"b{density}.bmp").write_bytes(bmp(density))
        (folder / f"p{density}.png").write_bytes(png(density))
        (folder / f"s{density}.psd").write_bytes(psd(density))
    for unit in (0, 1, 2):
        (folder / f"j{unit}.jpg").write_bytes(jfif(unit, 0))
    report = colorize(tiny_model, folder, tmp_path / "out", **({} if form == "keep" else {"format": form}))
    assert report.counts == {Status.done: 33}, report.failures


def test_the_resolution_of_a_microscope_stays(tiny_model: Path, tmp_path: Path) -> None:
    path = tmp_path / "in" / "p.tif"
    path.parent.mkdir()
    path.write_bytes(tiff((100_000, 1), 2))
    assert colorize(tiny_model, path, tmp_path / "out", format="jpg").counts == {Status.done: 1}
    resolution = decode(tmp_path / "out" / "p.jpg").pages[0].metadata.resolution
    assert resolution is not None and resolution.per_inch() == pytest.approx((100_000, 100_000), rel=1e-4)


@pytest.mark.parametrize("quality", [50, 80, 95])
def test_rounding_the_channels_of_a_heic_raises_no_alarm(tiny_model: Path, tmp_path: Path, quality: int) -> None:
    heif = pytest.importorskip("pillow_heif")
    y, x = np.mgrid[:72, :96]
    noise = np.random.default_rng(1).normal(0, 8, (72, 96))
    grey = (128 + 60 * np.sin(x / 9) + 50 * np.cos(y / 7) + noise).clip(0, 255).astype(np.uint8)
    path = tmp_path / "in" / "p.heic"
    path.parent.mkdir()
    heif.from_pillow(Image.fromarray(grey)).save(path, quality=quality)
    report = colorize(tiny_model, path, tmp_path / "out")
    assert report.counts == {Status.done: 1}, report.failures


def slopes() -> np.ndarray:
    """Without grain, so that a coding loses little."""
    few = np.random.default_rng(4).integers(20, 235, (5, 6), np.uint8)
    return np.asarray(Image.fromarray(few).resize((320, 240), Image.Resampling.BICUBIC))


@pytest.mark.parametrize("in_strips", [False, True])
def test_strong_colors_on_what_costs_little_in_grey_raise_no_alarm(tmp_path: Path, in_strips: bool) -> None:
    source, out, note = tmp_path / "a.jpg", tmp_path / "out.jpg", Provenance("", "", "", "")
    Image.fromarray(slopes()).save(source, quality=95)
    ab = np.random.default_rng(5).normal(0, 30, (2, 3, 4)).astype(np.float32)
    reader = open_in_strips(source, DecodeLimits()) if in_strips else BlockReader(decode(source))
    pixels = decode(source).pages[0].pixels
    write_photo(decode(source), [merge(pixels, ab, SRGB)], out, EncodeSettings(), note)
    figures = verify(reader, (SRGB,), out, EncodeSettings())
    assert figures["lightness_p99"] > EIGHT_BIT_LIMIT
    write_photo(decode(source), [merge(pixels + np.uint8(3), ab, SRGB)], out, EncodeSettings(), note)
    with pytest.raises(EncodeError, match="lighter or darker|lightness differs"):
        verify(reader, (SRGB,), out, EncodeSettings())


def test_a_lossy_result_may_be_a_fifth_worse_than_the_encoder_makes_the_grey_picture_and_no_more() -> None:
    def faults(p99: float, alone: float) -> list[str]:
        findings = Findings(())
        findings.add(0, 9.0, p99, alone=alone)
        return findings.faults

    assert not faults(2.4, alone=2.0), "1.2 times 2"
    assert faults(2.5, alone=2.0) == ["page 1: lightness differs by 2.50 L* at the 99th percentile"]
    assert not faults(0.5, alone=0.0) and faults(0.6, alone=0.0), "half an L* where coding alone changes nothing"
    assert not faults(0.5, alone=0.3) and faults(0.6, alone=0.3)


@pytest.mark.parametrize("in_strips", [False, True])
@pytest.mark.parametrize("hidden", ["elsewhere", "nowhere"])
def test_a_result_that_does_not_hide_the_same_is_found_out(tmp_path: Path, in_strips: bool, hidden: str):
    grey, alpha = np.full((60, 80), 120, np.uint8), np.full((60, 80), 255, np.uint8)
    alpha[:20] = 40
    Image.fromarray(np.dstack((grey, alpha))).save(tmp_path / "a.png")
    photo, out, note = decode(tmp_path / "a.png"), tmp_path / "out.png", Provenance("", "", "", "")
    page = photo.pages[0]
    other = replace(page, alpha=alpha[::-1].copy() if hidden == "elsewhere" else None)
    for wrong, written in ((False, page), (True, other)):
        write_photo(replace(photo, pages=(written,)), [page.pixels], out, EncodeSettings(), note)
        reader = BlockReader(photo, in_strips=in_strips)
        with pytest.raises(EncodeError, match="transparency differs") if wrong else nullcontext():
            verify(reader, (SRGB,), out, EncodeSettings())


@pytest.mark.parametrize("wrong", [False, True])
def test_a_jpeg_xl_without_the_profile_of_its_source_is_found_out(tmp_path: Path, wrong: bool):
    source, out, note = tmp_path / "a.bmp", tmp_path / "out.jxl", Provenance("", "", "", "")
    source.write_bytes(b.bmp_v5(np.full((48, 64), 120, np.uint8), b.icc()))
    photo, how = decode(source), EncodeSettings(format=PhotoFormat.jxl)
    page = photo.pages[0]
    assert page.icc == b.icc()
    written = replace(photo, pages=(replace(page, icc=None),)) if wrong else photo
    write_photo(written, [page.pixels], out, how, note)
    with pytest.raises(EncodeError, match="color profile differs") if wrong else nullcontext():
        verify(BlockReader(photo), (SRGB,), out, how)


@pytest.mark.parametrize("level", [40, 3000, 20000, 60000])
def test_sixteen_bits_may_be_off_by_one_step_of_their_own_grey_and_not_by_two(level: int) -> None:
    grey = np.full((2, 2), level, np.uint16)
    own = lightness_of(np.array([[level - 2, level - 1, level, level + 1, level + 2]], np.uint16))[0]
    for before in (grey, np.repeat(grey[..., None], 3, 2)):
        limit = float(sixteen_bit_limit(before, SRGB).max())
        assert max(own[3] - own[2], own[2] - own[1]) <= limit < min(own[4] - own[2], own[2] - own[0]) + 2e-3
    assert float(sixteen_bit_limit(grey, SRGB)[0, 0]) == pytest.approx(
        float(sixteen_bit_limit(np.repeat(grey[..., None], 3, 2), SRGB)[0, 0]), rel=0.02
    )


def test_eight_bits_of_linear_light_are_rounded_to_wide_steps() -> None:
    linear = replace(SRGB, curves=(curve_of(b"curv" + bytes(8)),) * 3)
    grey = np.arange(256, dtype=np.uint8)[None]
    step = np.diff(lightness_of(grey, linear)[0])
    limit = np.asarray(eight_bit_limit(grey, linear))[0]
    assert step[0] == pytest.approx(3.54, abs=0.01)
    assert limit[1] == pytest.approx(step[0] / 2, abs=0.06) and limit[-1] == EIGHT_BIT_LIMIT
    noise = np.random.default_rng(0)
    colored = merge(np.repeat(grey, 40, 0), noise.normal(0, 20, (2, 40, 256)).astype(np.float32), linear)
    error = np.abs(lightness_of(colored, linear) - lightness_of(grey, linear))
    assert error.max() > EIGHT_BIT_LIMIT and (error <= limit).all()
    assert (error > limit / 2).any()
    assert eight_bit_limit(grey, SRGB) == EIGHT_BIT_LIMIT


@pytest.mark.parametrize("whole", [True, False])
def test_what_is_measured_of_errors_is_their_99th_percentile_and_the_largest(whole: bool):
    error = np.full(1000, 0.1, np.float32)
    error[:20], error[0] = 2.0, 3.0  # 2 % of the pixels
    measured = Measured()
    measured.add(error, [] if whole else [np.full(1000, 0.3, np.float32)] * 2, whole)
    assert measured.largest == 3.0
    assert measured.p99 == pytest.approx(2.0, abs=0.002)
    if not whole:
        assert measured.p99_alone == pytest.approx(0.3, abs=0.002)
