"""Files by the Python API, and its manners: threads, pickling, settings, Ctrl-C."""

from __future__ import annotations

import json
import pickle
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from colorize_cli import Colorizer, Status, colorize_file
from colorize_cli.errors import (
    DecodeError,
    NothingToDoError,
    PhotoError,
    UsageError,
)
from tests.api.test_colorizer import grey, in_a_process
from tests.conftest import ROOT
from tests.inference.conftest import grey_photo


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


def test_many_files_are_what_the_command_line_makes(run: object, quick_model: Path, tmp_path: Path) -> None:
    colorizer = Colorizer(str(quick_model), device="cpu")
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


@pytest.mark.parametrize("way", [pytest.param("onnx", marks=pytest.mark.slow), "torch"])
def test_four_threads_give_the_same_bytes(tiny_model: Path, tmp_path: Path, way: str) -> None:
    colorizer = Colorizer(str(tiny_model) if way == "torch" else "mini", device="cpu")
    pictures = [grey(50 + 7 * number, 90, seed=number) for number in range(3)]
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


@pytest.mark.parametrize("model", [pytest.param("mini", marks=pytest.mark.slow), "tiny"])
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


@pytest.mark.slow
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


@pytest.mark.slow
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
