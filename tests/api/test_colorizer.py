"""The Python API, as a program uses it that knows nothing else of the package."""

from __future__ import annotations

import doctest
import json
import os
import pickle
import subprocess
import sys
import textwrap
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import colorize_cli
from colorize_cli import Colorizer, Status, colorize_file
from colorize_cli.errors import (
    DecodeError,
    HintError,
    ModelNotFoundError,
    NothingToDoError,
    PhotoError,
    ShapeError,
    UsageError,
)
from tests.conftest import ROOT
from tests.inference.conftest import grey_photo


@pytest.fixture(scope="module")
def colorizer(tiny_model: Path) -> Colorizer:
    return Colorizer(str(tiny_model), device="cpu")


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


def test_a_file_that_cannot_be_read_raises(colorizer: Colorizer, tmp_path: Path) -> None:
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(40))
    with pytest.raises(PhotoError, match=r"broken\.png"):
        colorizer.file(broken, tmp_path / "out.png")
    with pytest.raises((DecodeError, PhotoError, NothingToDoError), match=r"missing\.png"):
        colorizer.file(tmp_path / "missing.png", tmp_path / "out.png")
    with pytest.raises(UsageError, match="photo file"):
        colorizer.file(grey_photo(tmp_path / "a.png"), tmp_path / "out.doc")
    (tmp_path / "folder").mkdir()
    grey_photo(tmp_path / "folder" / "a.png")
    with pytest.raises(UsageError, match="is a folder"):
        colorizer.file(tmp_path / "folder", tmp_path / "out.png")
    assert not (tmp_path / "out.png").exists()


def test_a_model_may_be_a_path_and_photos_any_iterable(tiny_model: Path, tmp_path: Path) -> None:
    paths = [grey_photo(tmp_path / "in" / f"{number}.png", seed=number) for number in range(3)]
    results = Colorizer(tiny_model, device="cpu").files((path for path in paths), out=str(tmp_path / "out"))
    assert sorted(result.source for result in results) == paths
    with Image.open(paths[0]) as image:
        assert Colorizer(tiny_model, device="cpu")(np.asarray(image)).shape == (64, 96, 3)


def test_a_file_is_never_written_over_its_source(colorizer: Colorizer, tmp_path: Path) -> None:
    photo = grey_photo(tmp_path / "a.png")
    before = photo.read_bytes()
    with pytest.raises((UsageError, PhotoError)):
        colorizer.file(photo, photo, overwrite=True)
    assert photo.read_bytes() == before


def test_odd_names_are_files_not_patterns(colorizer: Colorizer, tmp_path: Path) -> None:
    photo = grey_photo(tmp_path / "a[1] -*.png")
    assert colorizer.file(photo, tmp_path / "out.png").status is Status.done
    other = grey_photo(tmp_path / "-b.png")
    assert [r.status for r in colorizer.files([other], out=tmp_path / "out")] == [Status.done]


def test_a_second_time_the_file_stands(colorizer: Colorizer, tmp_path: Path) -> None:
    photo = grey_photo(tmp_path / "a.png")
    first = colorizer.file(photo, tmp_path / "out.png")
    again = colorizer.file(str(photo), str(tmp_path / "out.png"))
    anew = colorizer.file(photo, tmp_path / "out.png", overwrite=True)
    assert [first.status, again.status, anew.status] == [Status.done, Status.skipped, Status.done]


def test_one_call_colors_one_file(tiny_model: Path, tmp_path: Path) -> None:
    result = colorize_file(grey_photo(tmp_path / "a.png"), tmp_path / "b.jpg", str(tiny_model), device="cpu")
    assert result.status is Status.done
    with Image.open(tmp_path / "b.jpg") as image:
        assert image.format == "JPEG"


def test_many_files_are_what_the_command_line_makes(
    colorizer: Colorizer, run: object, tiny_model: Path, tmp_path: Path
) -> None:
    for number in range(3):
        grey_photo(tmp_path / "in" / "deep" / f"{number}.jpg", seed=number)
    (tmp_path / "in" / "broken.jpg").write_bytes(b"\xff\xd8\xff\xe0" + bytes(30))
    results = {r.source.name: r for r in colorizer.files(tmp_path / "in", out=tmp_path / "api")}
    assert {name: r.status.value for name, r in results.items()} == {
        **{f"{number}.jpg": "done" for number in range(3)},
        "broken.jpg": "failed",
    }
    assert results["broken.jpg"].reason and results["0.jpg"].output == tmp_path / "api" / "deep" / "0.jpg"
    done = run(tmp_path / "in", "--out", tmp_path / "command")  # type: ignore[operator]
    assert done.returncode == 1
    for number in range(3):
        name = Path("deep", f"{number}.jpg")
        assert (tmp_path / "api" / name).read_bytes() == (tmp_path / "command" / name).read_bytes()


def test_no_photos_is_an_error(colorizer: Colorizer, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(NothingToDoError, match="no photos"):
        list(colorizer.files(tmp_path / "empty", out=tmp_path / "out"))


def test_results_come_as_they_are_done(colorizer: Colorizer, tmp_path: Path) -> None:
    for number in range(12):
        grey_photo(tmp_path / "in" / f"{number:02}.png", seed=number)
    results = colorizer.files(tmp_path / "in", out=tmp_path / "out")
    first = next(results)
    assert first.output is not None and first.output.exists()
    results.close()  # type: ignore[attr-defined]
    written = sorted(file.name for file in (tmp_path / "out").glob("*.png"))
    assert len(written) >= 1
    assert not list((tmp_path / "out").glob("*.tmp*")) and not list((tmp_path / "out").glob(".*"))
    report = json.loads((tmp_path / "out" / "colorize-report.json").read_text())
    assert len(report["photos"]) == 12
    rest = list(colorizer.files(tmp_path / "in", out=tmp_path / "out"))
    assert len(rest) == 12 and {r.status for r in rest} <= {Status.done, Status.skipped}


def test_it_is_pickled_by_its_arguments(tiny_model: Path) -> None:
    colorizer = Colorizer(str(tiny_model), device="cpu", vividness=0.3, saturation=0.5, on_color="copy", detail="off")
    expected = colorizer(grey())
    data = pickle.dumps(colorizer)
    assert len(data) < 2000  # no weights
    copy = pickle.loads(data)
    assert repr(copy) == repr(colorizer) and not copy.is_loaded
    assert np.array_equal(copy(grey()), expected)


@pytest.mark.parametrize("way", ["onnx", "torch"])
def test_four_threads_give_the_same_bytes(tiny_model: Path, tmp_path: Path, way: str) -> None:
    colorizer = Colorizer(str(tiny_model) if way == "torch" else "mini", device="cpu")
    pictures = [grey(50 + 7 * number, 90, seed=number) for number in range(8)]
    photos = [grey_photo(tmp_path / "in" / f"{number}.png", seed=number) for number in range(4)]
    expected = [Colorizer(colorizer.model.name, device="cpu")(picture) for picture in pictures]
    barrier = threading.Barrier(4)

    def work(number: int) -> tuple[list[np.ndarray], bytes]:
        barrier.wait()  # the network is loaded by all at once
        out = tmp_path / f"{number}.png"
        colorizer.file(photos[number], out)
        return [colorizer(picture) for picture in pictures], out.read_bytes()

    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(work, range(4)))
    for arrays, _ in found:
        for array, right in zip(arrays, expected, strict=True):
            assert np.array_equal(array, right)
    for number, (_, data) in enumerate(found):
        alone = tmp_path / "alone" / f"{number}.png"
        colorizer.file(photos[number], alone)
        assert alone.read_bytes() == data


_SETTINGS = """
    import ctypes, gc, locale, logging, os, resource, signal, sys, threading, warnings
    import cv2, PIL.Image, torch

    def settings():
        later = []
        thread = threading.Thread(target=lambda: later.append(torch.get_num_threads()))
        thread.start(); thread.join()
        return {
            "cv2": cv2.getNumThreads(), "torch": torch.get_num_threads(), "torch later": later,
            "interop": torch.get_num_interop_threads(), "pillow": PIL.Image.MAX_IMAGE_PIXELS,
            "truncated": getattr(sys.modules.get("PIL.ImageFile"), "LOAD_TRUNCATED_IMAGES", False),
            "signals": [signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)],
            "environment": dict(os.environ), "data": resource.getrlimit(resource.RLIMIT_DATA),
            "files": resource.getrlimit(resource.RLIMIT_NOFILE), "umask": os.umask(0o22), "cwd": os.getcwd(),
            "warnings": (warnings.showwarning, list(warnings.filters)), "log": logging.lastResort,
            "root": (logging.root.level, list(logging.root.handlers)), "recursion": sys.getrecursionlimit(),
            "gc": (gc.isenabled(), gc.get_threshold(), gc.get_freeze_count()),
            "locale": locale.setlocale(locale.LC_ALL),
            "hook": (sys.excepthook, threading.excepthook), "grad": torch.is_grad_enabled(),
            "dtype": torch.get_default_dtype(), "cudnn": torch.backends.cudnn.benchmark,
        }
    os.umask(0o22)
    before = settings()
"""


@pytest.mark.parametrize("model", ["mini", "tiny"])
def test_no_setting_of_the_process_is_changed(tiny_model: Path, tmp_path: Path, model: str) -> None:
    for number in range(3):
        grey_photo(tmp_path / "in" / f"{number}{('.png', '.jpg', '.tif')[number]}", seed=number)
    grey_photo(tmp_path / "in" / "g.gif")
    code = (
        _SETTINGS
        + """
    from colorize_cli import Colorizer
    import numpy as np
    colorizer = Colorizer(sys.argv[1], device="cpu")
    colorizer(np.full((64, 64), 99, np.uint8))
    results = list(colorizer.files(sys.argv[2], out=sys.argv[3]))
    assert [r.status.value for r in results] == ["done"] * 4, results
    after = settings()
    for name in before:
        assert before[name] == after[name], (name, before[name], after[name])
    print("unchanged")
    """
    )
    name = "mini" if model == "mini" else str(tiny_model)
    done = in_a_process(code, name, tmp_path / "in", tmp_path / "out")
    assert done.stdout == "unchanged\n", done.stderr


def test_ctrl_c_goes_through(tiny_model: Path, tmp_path: Path) -> None:
    for number in range(40):
        grey_photo(tmp_path / "in" / f"{number:02}.png", (400, 300), seed=number)
    code = """
        import os, signal, sys
        from colorize_cli import Colorizer
        signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs ignore it
        seen = 0
        try:
            for result in Colorizer(sys.argv[1], device="cpu").files(sys.argv[2], out=sys.argv[3]):
                seen += 1
                if seen == 3:
                    os.kill(os.getpid(), signal.SIGINT)
        except KeyboardInterrupt:
            print("interrupted after", seen)
    """
    done = in_a_process(code, tiny_model, tmp_path / "in", tmp_path / "out")
    assert done.stdout.startswith("interrupted after 3"), done.stderr
    assert done.stderr == ""
    left = [file.name for file in (tmp_path / "out").iterdir() if file.suffix not in (".png", ".json")]
    assert left == []


def test_ctrl_c_in_a_file_goes_through(tiny_model: Path, tmp_path: Path) -> None:
    photo = grey_photo(tmp_path / "a.png", (3000, 2000))
    code = """
        import os, signal, sys, threading
        from colorize_cli import Colorizer
        colorizer = Colorizer(sys.argv[1], device="cpu")
        colorizer.load()
        signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs ignore it
        threading.Timer(0.05, lambda: os.kill(os.getpid(), signal.SIGINT)).start()
        try:
            while True:
                colorizer.file(sys.argv[2], sys.argv[3], overwrite=True)
        except KeyboardInterrupt:
            print("interrupted")
    """
    done = in_a_process(code, tiny_model, photo, tmp_path / "out.png")
    assert done.stdout == "interrupted\n", done.stderr
    assert done.returncode == 0


def test_the_package_says_that_it_is_typed() -> None:
    assert (ROOT / "colorize_cli" / "py.typed").is_file()
