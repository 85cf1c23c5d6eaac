"""No file, however small, takes more memory than it may: measured in a process of its own."""

from __future__ import annotations

import io
import json
import os
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray
from PIL import Image

from colorize_cli.errors import DecodeError, PhotoError, TooLargeError
from colorize_cli.formats.decode import decode
from colorize_cli.formats.gif import gif_file
from colorize_cli.formats.heif import heif_sizes
from colorize_cli.formats.jp2 import jp2_cost
from colorize_cli.formats.jpeg import jpeg_file
from colorize_cli.formats.photo import DecodeLimits, PhotoFormat
from colorize_cli.formats.probe import probe
from colorize_cli.formats.reader import read_provenance
from colorize_cli.formats.table import FORMATS
from colorize_cli.formats.tiff.embedded import size_of
from tests.formats import bombs

MOST = 300 << 20  # --max-memory of the bombs
BASE = 150 << 20  # bytes that the program itself may take beside it
RUN = """
import json, resource, sys
from pathlib import Path
from colorize_cli.errors import PhotoError
from colorize_cli.formats.decode import decode
from colorize_cli.formats.photo import DecodeLimits
from colorize_cli.formats.probe import probe
resource.setrlimit(resource.RLIMIT_AS, (6 << 30, 6 << 30))
found = {}
for name in sys.argv[2:]:
    try:
        probe(Path(name))
        decode(Path(name), DecodeLimits(max_memory=int(sys.argv[1])))
        found[Path(name).name] = ""
    except PhotoError as error:
        found[Path(name).name] = str(error).splitlines()[0]
peak = next(line for line in open("/proc/self/status") if line.startswith("VmHWM")).split()[1]
print(json.dumps([int(peak) * 1024, found]))
"""
BOMBS: dict[str, tuple[Callable[[], bytes], str]] = {
    "outside.gif": (lambda: bombs.gif((0, 0, 100, 100), (65_435, 65_435, 100, 100)), ""),
    "first-outside.gif": (lambda: bombs.gif((65_000, 65_000, 100, 100)), "--max-pixels"),
    "canvas.gif": (lambda: bombs.gif((0, 0, 10, 10), screen=(30_000, 30_000)), "--max-memory"),
    "canvas.webp": (bombs.webp, "--max-memory"),
    "box.avif": (bombs.avif, "--max-memory"),
    "sequence.avif": (bombs.avif_whose_data_are_larger, "--max-pixels"),
    "tiles.j2k": (lambda: bombs.jp2(60_000, 1000, 32, 16_000), "--max-memory"),
    "precincts.j2k": (lambda: bombs.jp2(4000, 4000, 4000, 1, precincts=True), "--max-memory"),
    "layers.j2k": (lambda: bombs.jp2(1000, 1000, 1000, 3, precincts=True, layers=65_535), "--max-memory"),
    "scans.jpg": (bombs.many_scans, "more than 1,000 scans"),
    "progressive.jpg": (bombs.huge_progressive, "--max-memory"),
    "overlapping.tif": (bombs.tiff_of_overlapping_tags, "overlap"),
    "circles.tif": (bombs.tiff_of_directories_in_circles, ""),
    "strip.tif": (bombs.tiff_with_a_large_jpeg, "60,000 x 60,000"),
    "tile.tif": (bombs.tiff_with_a_large_tile, "--max-memory"),
    "pages.tif": (bombs.tiff_of_many_large_pages, "--max-memory"),
    "texts.png": (bombs.png_of_texts, ""),
    "header.png": (bombs.png_header, "--max-memory"),
    "header.bmp": (bombs.bmp, "--max-memory"),
    **{f"header-{kind}.pnm": (lambda kind=kind: bombs.ppm(kind), "--max-memory") for kind in (1, 2, 3, 4, 5, 6)},
    "profile.jpg": (bombs.icc_of_many_tags, ""),
}


def run(most: int, *paths: Path) -> tuple[int, dict[str, str]]:
    command = [sys.executable, "-c", RUN, str(most), *map(str, paths)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True, env={**os.environ})
    peak, found = json.loads(done.stdout)
    return int(peak), found


@pytest.mark.slow
def test_no_bomb_takes_more_memory_than_it_may(tmp_path: Path) -> None:
    for name, (make, _) in BOMBS.items():
        (tmp_path / name).write_bytes(make())
        assert (tmp_path / name).stat().st_size < 2_000_000
    peak, found = run(MOST, *(tmp_path / name for name in BOMBS))
    for name, (_, said) in BOMBS.items():
        assert said in found[name] and bool(said) == bool(found[name]), (name, found[name])
    assert peak < MOST + BASE, f"{peak >> 20} MiB"


def test_the_message_says_how_much_and_which_option(tmp_path: Path) -> None:
    path = tmp_path / "bomb.webp"
    path.write_bytes(bombs.webp(16_000))
    with pytest.raises(TooLargeError) as refused:
        decode(path, DecodeLimits(max_memory=1 << 30))
    need = FORMATS[PhotoFormat.webp].header(path.read_bytes())
    assert need is not None and need.pixels == 16_000**2
    text = str(refused.value)
    assert "16,000 x 16,000 pixels need about" in text and "--max-memory 1G allows" in text and "takes them" in text


def test_the_default_is_half_of_what_is_available(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "photo.webp"
    path.write_bytes(bombs.encoded(bombs.FLAT, "WEBP"))
    assert decode(path).pages[0].size == (64, 64)
    monkeypatch.setattr("colorize_cli.files.machine.available_memory", lambda: 150_000)
    with pytest.raises(TooLargeError, match="more than --max-memory 73"):
        decode(path)


@pytest.mark.parametrize("far", [50, 65_435])
def test_a_frame_outside_the_canvas_does_not_enlarge_it(tmp_path: Path, far: int) -> None:
    path = tmp_path / "animation.gif"
    path.write_bytes(bombs.gif((0, 0, 100, 100), (far, far, 100, 100)))
    photo = decode(path)
    assert probe(path).size == photo.pages[0].size == (100, 100)
    assert (photo.pages[0].pixels == 200).all()
    assert photo.notes == ("animated: only the first picture was taken",)


def test_a_first_frame_larger_than_the_screen_is_kept_whole(tmp_path: Path) -> None:
    path = tmp_path / "small-screen.gif"
    path.write_bytes(bombs.gif((0, 0, 30, 20), screen=(10, 10)))
    assert probe(path).size == decode(path).pages[0].size == (30, 20)


def test_gif_frames_are_found_with_their_places() -> None:
    data = bombs.gif((0, 0, 5, 4), (2, 1, 9, 9), (65_000, 3, 1, 1))
    found = gif_file.parse(data)
    assert [(f.left, f.top, f.width, f.height) for f in found.frames] == [
        (0, 0, 5, 4), (2, 1, 9, 9), (65_000, 3, 1, 1),
    ]  # fmt: skip
    assert found.complete and all(frame.whole for frame in found.frames) and found.canvas == (100, 100)
    with Image.open(io.BytesIO(gif_file.only(data, found, 1))) as image:
        assert image.size == (100, 100) and getattr(image, "n_frames", 1) == 1 and image.info["duration"] == 100
    cut = gif_file.parse(data[:-3])
    assert not cut.complete and not cut.frames[-1].whole


def test_avif_boxes_give_the_size_of_the_coded_data() -> None:
    picture = np.zeros((40, 72, 3), np.uint8)
    data = bombs.encoded(picture, "AVIF")
    found = heif_sizes.pictures(data)
    assert (found.size, found.depth) == ((72, 40), 8)
    deep = bytes(imagecodecs.avif_encode(np.zeros((40, 72, 3), np.uint16), bitspersample=10))
    assert (heif_sizes.pictures(deep).size, heif_sizes.pictures(deep).depth) == ((72, 40), 10)
    own = data.replace(
        b"ispe" + bytes(4) + (72).to_bytes(4) + (40).to_bytes(4), b"ispe" + bytes(4) + bytes((0, 0, 0, 1)) * 2
    )
    assert heif_sizes.pictures(own).size == (72, 40), "from the sequence header"


def test_jpeg_2000_costs_little_where_its_headers_are_usual() -> None:
    grey = np.zeros((1000, 1000), np.uint8)
    assert jp2_cost.cost(bombs.jp2_of(grey)) < grey.size
    assert jp2_cost.cost(bombs.jp2(1000, 1000, 1000, 1)) < grey.size
    assert jp2_cost.cost(bombs.jp2(60_000, 1000, 32, 16_000)) > 1 << 40


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "JPEG2000"])
def test_the_size_of_an_embedded_picture(format: str) -> None:
    assert size_of(bombs.encoded(np.zeros((30, 50), np.uint8), format)) == (50, 30)


def test_the_size_of_an_embedded_jpeg_xl() -> None:
    for height, width in ((30, 50), (64, 64), (480, 640), (300, 1000)):
        data = bytes(imagecodecs.jpegxl_encode(np.zeros((height, width), np.uint8)))
        assert size_of(data) == (width, height)


def test_usual_progressive_files_are_within_the_limit_of_scans() -> None:
    assert jpeg_file.parse(bombs.encoded(bombs.FLAT, "JPEG", progressive=True)).complete
    assert jpeg_file.parse(bombs.many_scans(900)).complete
    with pytest.raises(jpeg_file.JpegError, match="scans"):
        jpeg_file.parse(bombs.many_scans(1001))


def test_the_provenance_of_a_bomb_is_asked_in_little_memory(tmp_path: Path) -> None:
    path = tmp_path / "bomb.tif"
    path.write_bytes(bombs.tiff_of_overlapping_tags())
    assert read_provenance(path) is None
    with pytest.raises(DecodeError, match="overlap"):
        probe(path)


def _kinds(grey: NDArray[np.uint8], folder: Path) -> list[Path]:
    """The same picture in every kind of file whose decoding was measured."""
    rgb, deep = np.dstack((grey,) * 3), grey.astype(np.uint16) * 257
    rgba, many = np.dstack((rgb, grey)), np.dstack((deep,) * 3)
    save = {
        "grey.jpg": (grey, {}), "rgb.jpg": (rgb, {}), "progressive.jpg": (rgb, {"progressive": True}),
        "grey.png": (grey, {}), "rgba.png": (rgba, {}), "key.png": (grey, {"transparency": 100}),
        "grey.gif": (grey, {}), "grey.bmp": (grey, {}), "rgb.bmp": (rgb, {}), "rgba.webp": (rgba, {}),
        "lossless.webp": (rgb, {"lossless": True, "method": 0}), "rgb.avif": (rgb, {"speed": 10}),
        "rgb.jp2": (rgb, {}), "grey.jp2": (grey, {}),
    }  # fmt: skip
    for name, (pixels, options) in save.items():
        Image.fromarray(pixels).save(folder / name, **options)
    Image.fromarray(rgba, "CMYK").save(folder / "cmyk.jpg")
    Image.fromarray(rgba, "CMYK").save(folder / "cmyk.tif")
    Image.fromarray(grey > 127).save(folder / "g4.tif", compression="group4")
    Image.fromarray(rgb).quantize(16).save(folder / "clear.png", transparency=1)
    shape = b"%d %d" % (grey.shape[1], grey.shape[0])
    whole = {
        "deep.jpg": imagecodecs.jpeg_encode(deep >> 4, bitspersample=12),
        "deep.png": imagecodecs.png_encode(many),
        "deep.avif": imagecodecs.avif_encode(many >> 6, bitspersample=10, speed=10),
        "deep.jp2": bombs.jp2_of(many),
        "raw.ppm": b"P6 " + shape + b" 255\n" + rgb.tobytes(),
        "odd.pgm": b"P5 " + shape + b" 1000\n" + (deep % 1000).astype(">u2").tobytes(),
        "plain.pbm": b"P1 " + shape + b"\n" + b" ".join(b"%d" % v for v in (grey > 127).ravel()),
        "plain.pgm": b"P2 " + shape + b" 255\n" + b" ".join(b"%d" % v for v in grey.ravel()),
    }
    for name, data in whole.items():
        (folder / name).write_bytes(data)
    for name, pixels, options in (
        ("grey.tif", grey, {}),
        ("deep.tif", many, {"photometric": "rgb", "compression": "zlib"}),
        ("float.tif", grey.astype(np.float32), {}),
        ("planes.tif", np.stack((grey,) * 3), {"photometric": "rgb", "planarconfig": "separate"}),
        ("tiles.tif", rgb, {"photometric": "ycbcr", "compression": "jpeg", "tile": (256, 256)}),
    ):
        tifffile.imwrite(folder / name, pixels, **options)
    return sorted(folder.iterdir())


PEAKS = """
import json, sys
from pathlib import Path
from colorize_cli.formats.decode import decode
from colorize_cli.formats.probe import probe
def told(field):
    return int(next(line for line in open("/proc/self/status") if line.startswith(field)).split()[1]) * 1024
found = {}
for name in sys.argv[1:]:
    decode(Path(name))  # what a codec needs once
    before, need = told("VmRSS"), probe(Path(name)).memory
    with open("/proc/self/clear_refs", "w") as file:
        file.write("5")
    decode(Path(name))
    found[Path(name).name] = [told("VmHWM") - before, need]
print(json.dumps(found))
"""


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="the system measures no peaks")
def test_decoding_takes_no_more_than_the_header_promised(tmp_path: Path) -> None:
    y, x = np.mgrid[0:1600, 0:2000]
    grey = (127 + 60 * np.sin(x / 90) + 60 * np.cos(y / 70)).astype(np.uint8)
    paths = _kinds(grey, tmp_path)
    environment = {**os.environ, "MALLOC_MMAP_THRESHOLD_": "65536", "MALLOC_TRIM_THRESHOLD_": "65536"}
    command = [sys.executable, "-c", PEAKS, *map(str, paths)]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=300, check=True)
    found = json.loads(done.stdout)
    assert len(found) == len(paths)
    wrong = {
        name: (took / grey.size, need / grey.size) for name, (took, need) in found.items() if took > need + (4 << 20)
    }
    assert not wrong, "bytes a pixel: taken, promised"
    assert all(need < 100 * grey.size for _, need in found.values()), "a promise that refuses everything is none"


def test_a_photo_that_would_not_fit_fails_alone(tmp_path: Path) -> None:
    path = tmp_path / "photo.png"
    path.write_bytes(bombs.encoded(bombs.FLAT, "PNG"))
    with pytest.raises(PhotoError, match="--max-memory"):
        decode(path, DecodeLimits(max_memory=2000))
    assert decode(path, DecodeLimits(max_memory=100_000)).pages[0].size == (64, 64)


def test_a_picture_of_no_channels_says_its_size_all_the_same() -> None:
    boxes = [(b"ispe", bytes(4) + struct.pack(">II", 72, 40)), (b"pixi", bytes(6))]
    inside = b"".join(struct.pack(">I4s", 8 + len(content), kind) + content for kind, content in boxes)
    for kind in (b"ipco", b"iprp", b"meta"):
        inside = (bytes(4) if kind == b"meta" else b"") + inside
        inside = struct.pack(">I4s", 8 + len(inside), kind) + inside
    assert heif_sizes.pictures(inside).size == (72, 40)


def test_a_picture_of_just_the_limit_is_read_and_one_of_a_pixel_more_is_not(tmp_path: Path) -> None:
    for width, taken in ((40, True), (41, False)):
        path = tmp_path / f"{width}.png"
        Image.fromarray(np.zeros((25, width), np.uint8)).save(path)
        if taken:
            assert decode(path, DecodeLimits(max_pixels=1000)).pages[0].size == (40, 25)
        else:
            with pytest.raises(TooLargeError, match=r"41 x 25 pixels are declared, more than --max-pixels 1K"):
                decode(path, DecodeLimits(max_pixels=1000))
