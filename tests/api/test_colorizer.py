"""The Python API, as a program uses it that knows nothing else of the package."""

from __future__ import annotations

import doctest
import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import colorize_cli
from colorize_cli import Colorizer, Status
from colorize_cli.errors import (
    HintError,
    ModelNotFoundError,
    ShapeError,
    UsageError,
)
from tests.conftest import ROOT


def grey(height: int = 60, width: int = 80, dtype: type = np.uint8, seed: int = 1) -> np.ndarray:
    rng = np.random.default_rng(seed)
    small = Image.fromarray(rng.integers(20, 235, (5, 7), np.uint8)).resize((width, height), Image.Resampling.BICUBIC)
    return np.asarray(small).astype(dtype) * (257 if dtype is np.uint16 else 1)


def lightness(rgb: np.ndarray) -> np.ndarray:
    """CIE L*, by the formula, of sRGB of either depth; grey or color."""
    value = rgb.astype(np.float64) / np.iinfo(rgb.dtype).max
    linear = np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)
    y = linear if rgb.ndim == 2 else linear @ [0.2126729, 0.7151522, 0.0721750]
    return np.where(y > 216 / 24389, 116 * np.cbrt(y) - 16, y * 24389 / 27)


def in_a_process(code: str, *arguments: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, "-c", textwrap.dedent(code), *map(str, arguments)]
    env = {**os.environ, "PYTHONPATH": str(ROOT), **environment}
    return subprocess.run(line, capture_output=True, text=True, timeout=120, env=env)


def test_importing_the_package_loads_nothing_heavy() -> None:
    done = in_a_process("""
        import sys
        before = set(sys.modules)
        import colorize_cli
        assert colorize_cli.__version__ and "Colorizer" in dir(colorize_cli)
        print(*sorted({name.partition(".")[0] for name in set(sys.modules) - before}))
    """)
    assert done.returncode == 0, done.stderr
    loaded = set(done.stdout.split()) - set(sys.stdlib_module_names)
    assert loaded == {"colorize_cli"}


def test_every_public_name_is_there_and_no_other() -> None:
    for name in colorize_cli.__all__:
        assert getattr(colorize_cli, name) is not None
    with pytest.raises(AttributeError, match="Colourizer"):
        colorize_cli.Colourizer  # noqa: B018


def test_the_documented_example_runs() -> None:
    import colorize_cli.pipeline.colorizer as module

    found = doctest.DocTestFinder().find(module.Colorizer, globs={})
    runner = doctest.DocTestRunner()
    results = [runner.run(test) for test in found if test.examples]
    assert sum(result.attempted for result in results) >= 6
    assert sum(result.failed for result in results) == 0


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels", [0, 3])
def test_a_picture_keeps_its_lightness_depth_and_size(colorizer: Colorizer, dtype: type, channels: int) -> None:
    given = grey(dtype=dtype)
    shown = np.repeat(given[..., None], 3, 2) if channels else given
    before = shown.copy()
    rgb = colorizer(shown)
    assert rgb.shape == (60, 80, 3) and rgb.dtype == dtype
    assert np.abs(lightness(rgb) - lightness(given)).max() <= (0.5 if dtype is np.uint8 else 0.02)
    assert np.ptp(rgb.astype(int), axis=2).max() > np.iinfo(dtype).max // 20  # it has color
    assert np.array_equal(shown, before)


@pytest.mark.parametrize("kind", ["grey8", "grey16", "rgb8", "stamp"])
def test_an_array_gives_what_its_file_gives(colorizer: Colorizer, tmp_path: Path, kind: str) -> None:
    pixels = grey(200, 160, np.uint16 if kind == "grey16" else np.uint8)
    if kind in ("rgb8", "stamp"):
        pixels = np.repeat(pixels[..., None], 3, 2)
    if kind == "stamp":
        pixels[150:190, 100:150] = (190, 30, 30)
    source = tmp_path / "in.png"
    Image.fromarray(pixels).save(source)
    result = colorizer.file(source, tmp_path / "out.png")
    assert result.status is Status.done and result.source == source and result.output == tmp_path / "out.png"
    if kind == "grey16":
        import cv2

        written = cv2.cvtColor(cv2.imread(str(tmp_path / "out.png"), cv2.IMREAD_UNCHANGED), cv2.COLOR_BGR2RGB)
    else:
        written = np.asarray(Image.open(tmp_path / "out.png").convert("RGB"))
    assert np.array_equal(written, colorizer(pixels))
    if kind == "stamp":
        assert np.array_equal(written[165:175, 115:135], pixels[165:175, 115:135])


def test_a_picture_in_color_stays_unless_told_otherwise(colorizer: Colorizer, tiny_model: Path) -> None:
    rng = np.random.default_rng(0)
    small = Image.fromarray(rng.integers(0, 255, (6, 8, 3), np.uint8))
    color = np.asarray(small.resize((160, 120), Image.Resampling.BICUBIC))
    kept = colorizer(color)
    assert np.array_equal(kept, color) and not np.shares_memory(kept, color)
    anew = Colorizer(str(tiny_model), device="cpu", on_color="recolor")(color)
    assert not np.array_equal(anew, color)


@pytest.mark.parametrize(
    "wrong",
    [
        np.zeros((4, 4), np.float32),
        np.zeros((4, 4, 4), np.uint8),
        np.zeros((4,), np.uint8),
        np.zeros((0, 4), np.uint8),
        np.zeros((2, 4, 4, 3), np.uint8),
        np.zeros((4, 4), np.int16),
        [[1, 2], [3, 4]],
        None,
    ],
)
def test_what_is_no_picture_is_refused(colorizer: Colorizer, wrong: object) -> None:
    with pytest.raises(ShapeError, match="uint8 or uint16"):
        colorizer(wrong)  # type: ignore[arg-type]


def test_any_layout_in_memory_gives_the_same(colorizer: Colorizer) -> None:
    pixels = grey(61, 83)
    expected = colorizer(pixels)
    assert np.array_equal(colorizer(np.asfortranarray(pixels)), expected)
    assert np.array_equal(colorizer(pixels[::-1][::-1]), expected)
    big = pixels.astype(np.uint16) * 257
    assert np.array_equal(colorizer(big.astype(">u2")), colorizer(big))
    frozen = pixels.copy()
    frozen.flags.writeable = False
    assert np.array_equal(colorizer(frozen), expected)


@pytest.mark.parametrize("size", [(1, 1), (1, 300), (300, 1), (3, 2)])
def test_tiny_pictures_are_colored_too(colorizer: Colorizer, size: tuple[int, int]) -> None:
    rgb = colorizer(np.full(size, 120, np.uint8))
    assert rgb.shape == (*size, 3)
    assert np.abs(lightness(rgb) - lightness(np.full(size, 120, np.uint8))).max() <= 0.5


@pytest.mark.slow
def test_hints_decide_the_color_where_they_are(colorizer: Colorizer, tmp_path: Path) -> None:
    pixels = np.full((64, 64), 128, np.uint8)
    red, side = (200, 40, 40), tmp_path / "a.hints.json"
    side.write_text(json.dumps({"points": [{"x": 32, "y": 32, "color": "#c82828"}]}))
    layer = np.zeros((64, 64, 4), np.uint8)
    layer[31:34, 31:34] = (*red, 255)
    plain = colorizer(pixels)
    by_point = colorizer(pixels, hints=[(32, 32, red)])
    assert by_point[32, 32, 0] - int(by_point[32, 32, 1]) > 60
    assert not np.array_equal(by_point, plain)
    assert np.array_equal(colorizer(pixels, hints=side), by_point)
    by_layer = colorizer(pixels, hints=layer)
    assert by_layer[32, 32, 0] - int(by_layer[32, 32, 1]) > 60


@pytest.mark.parametrize(
    ("hints", "said"),
    [
        ([(1, 2)], r"hints\[0\]"),
        ([(1, 2, (0, 0, 300))], "0 to 255"),
        ([(1, 2, "red")], r"hints\[0\]"),
        ([(500, 2, (0, 0, 0))], "outside the photo"),
        (np.zeros((4, 4, 3), np.uint8), r"\(H, W, 4\)"),
        ("nowhere.json", "nowhere.json"),
    ],
)
def test_wrong_hints_are_named(colorizer: Colorizer, hints: object, said: str) -> None:
    with pytest.raises(HintError, match=said):
        colorizer(grey(), hints=hints)  # type: ignore[arg-type]


def test_saturation_scales_the_chroma_of_one_picture(colorizer: Colorizer) -> None:
    pixels = np.full((64, 64), 128, np.uint8)
    assert np.ptp(colorizer(pixels, saturation=0.0).astype(int), axis=2).max() <= 1
    half, whole = colorizer(pixels, saturation=0.5), colorizer(pixels)
    assert 0.3 < np.ptp(half.astype(float), axis=2).mean() / np.ptp(whole.astype(float), axis=2).mean() < 0.7


@pytest.mark.parametrize(
    "arguments",
    [
        {"vividness": 1.5},
        {"vividness": float("nan")},
        {"saturation": -1.0},
        {"saturation": float("inf")},
        {"precision": "fp8"},
        {"on_color": "keep"},
        {"detail": "much"},
        {"batch": -1},
    ],
)
def test_arguments_out_of_range_are_refused_at_once(arguments: dict[str, object]) -> None:
    with pytest.raises(UsageError):
        Colorizer("mini", **arguments)  # type: ignore[arg-type]


def test_a_model_that_is_none_is_refused_when_it_is_needed() -> None:
    colorizer = Colorizer("unte", device="cpu")
    for _ in range(2):
        with pytest.raises(ModelNotFoundError, match="unte"):
            colorizer(grey())


def test_info_tells_what_runs(colorizer: Colorizer, tiny_model: Path) -> None:
    import hashlib

    info = colorizer.info
    assert info.name == str(tiny_model) and info.device == "cpu" and info.precision == "float32"
    assert info.sha256 == hashlib.sha256(tiny_model.read_bytes()).hexdigest()
    assert 100 < Colorizer("mini", device="cpu").info.parameters // 10_000 < 1000
