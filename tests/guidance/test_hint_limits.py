"""Side-cars never take memory or time without end, and pipes in their place are never opened."""

from __future__ import annotations

import json
import os
import time
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from colorize_cli.errors import HintError
from colorize_cli.files.small_files import NotPlain, read_plain, read_stream
from colorize_cli.formats.photo import DecodeLimits
from colorize_cli.guidance.hint_files import list_sidecars
from colorize_cli.guidance.hint_points import Sidecar
from colorize_cli.guidance.hints import hint_map, read_sidecar
from tests.formats import bombs
from tests.inference.conftest import grey_photo, tiny_checkpoint, tiny_model
from tests.runs import colorize_photos, run_options

__all__ = ["tiny_checkpoint", "tiny_model"]

POINT = {"x": 5, "y": 5, "color": "#7a5230"}


def written(path: Path, text: str | bytes) -> Path:
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


@pytest.mark.parametrize("text", ["[" * 200_000, '{"points": ' + "[" * 200_000, '{"a":' * 100_000])
def test_brackets_without_end_are_a_fault_of_the_file(tmp_path: Path, text: str) -> None:
    with pytest.raises(HintError, match=r"photo\.hints\.json: it is nested too deeply"):
        read_sidecar(written(tmp_path / "photo.hints.json", text))


@pytest.mark.parametrize("value", ["1e400", "1" + "0" * 400, "NaN", "-Infinity", "1e300"])
def test_numbers_beyond_all_photos_are_named(tmp_path: Path, value: str) -> None:
    text = '{"points": [{"x": VALUE, "y": 1, "color": "red"}]}'.replace("VALUE", value)
    with pytest.raises(HintError, match=r"points\[0\]\.x: expected a number"):
        read_sidecar(written(tmp_path / "photo.hints.json", text))


def test_a_number_without_end_is_said_in_words(tmp_path: Path) -> None:
    text = '{"points": [{"x": %s, "y": 1, "color": "red"}]}' % ("1" * 5000)
    with pytest.raises(HintError, match="cannot be read as JSON: a number in it has too many digits"):
        read_sidecar(written(tmp_path / "photo.hints.json", text))


def test_a_list_of_objects_without_end_is_not_taken_apart(tmp_path: Path) -> None:
    with pytest.raises(HintError, match="it has more than 8,388,608 bytes"):
        read_sidecar(written(tmp_path / "photo.hints.json", '{"points": [' + "[]," * 3_000_000 + "0]}"))


def test_scribbles_keep_to_the_memory_of_the_process(tmp_path: Path) -> None:
    Image.new("RGBA", (1000, 1000), (1, 2, 3, 255)).save(path := tmp_path / "photo.hints.png")
    with pytest.raises(HintError, match="--max-memory 10M allows"):
        read_sidecar(path, DecodeLimits(max_memory=10 << 20))
    sidecar = read_sidecar(path, DecodeLimits(max_memory=40 << 20))
    tracemalloc.start()
    found = hint_map([sidecar], (1000, 1000), (64, 64))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    whole = hint_map([Sidecar(path, np.full((64, 64, 4), (1, 2, 3, 255), np.uint8))], (1000, 1000), (64, 64))
    assert (found.mask == 1).all() and np.allclose(found.ab, whole.ab)
    assert peak < 100 << 20


def test_too_many_points_are_refused(tmp_path: Path) -> None:
    many = json.dumps({"points": [POINT] * 10_001})
    with pytest.raises(HintError, match="there are 10,001, at most 10,000 are taken"):
        read_sidecar(written(tmp_path / "photo.hints.json", many))


@pytest.mark.slow
def test_points_that_cover_the_photo_many_times_take_little_memory(tmp_path: Path) -> None:
    points = [{"x": 50, "y": 50, "color": "#7a5230", "radius": 100}] * 500
    sidecar = read_sidecar(written(tmp_path / "photo.hints.json", json.dumps({"points": points})))
    tracemalloc.start()
    found = hint_map([sidecar], (100, 100), (256, 256))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (found.mask == 1).all() and np.ptp(found.ab, (1, 2)).max() < 1e-3
    assert peak < 100 << 20, "all at once they would take 500 MB"


def test_scribbles_larger_than_memory_are_refused_from_their_header(tmp_path: Path) -> None:
    with pytest.raises(HintError, match="30,000 x 30,000 pixels need about"):
        read_sidecar(written(tmp_path / "photo.hints.png", bombs.png_header(30_000)))
    Image.new("RGBA", (64, 64), (1, 2, 3, 255)).save(tmp_path / "small.hints.png")
    scribbles = read_sidecar(tmp_path / "small.hints.png").scribbles
    assert scribbles is not None and scribbles.shape == (64, 64, 4)


@pytest.mark.parametrize("suffix", [".json", ".png"])
def test_a_pipe_or_a_device_in_the_place_of_hints_is_named(tmp_path: Path, suffix: str) -> None:
    pipe = tmp_path / f"photo.hints{suffix}"
    os.mkfifo(pipe)
    assert list_sidecars(tmp_path) == (pipe,), "left out, the photo would go without its hints and nobody would know"
    with pytest.raises(HintError, match="it is a named pipe, not a file"):
        read_sidecar(pipe)
    link = tmp_path / f"zero{suffix}"
    link.symlink_to("/dev/zero")
    with pytest.raises(HintError, match="it is a device, not a file"):
        read_sidecar(link)


def test_a_file_that_outgrows_its_limit_is_not_read_whole(tmp_path: Path) -> None:
    path = tmp_path / "large"
    with path.open("wb") as file:
        file.truncate(1 << 34)
    with pytest.raises(NotPlain, match="more than 1,000 bytes"):
        read_plain(path, 1000)


def test_a_pipe_that_somebody_writes_to_is_read_as_a_list(tmp_path: Path) -> None:
    import threading

    pipe = tmp_path / "list"
    os.mkfifo(pipe)

    def write() -> None:
        time.sleep(0.3)
        pipe.write_bytes(b"a.png\nb.png\n")

    writer = threading.Thread(target=write)
    writer.start()
    assert read_stream(pipe, 1000) == b"a.png\nb.png\n"
    writer.join()
    with pytest.raises(NotPlain, match="named pipe, and nothing is in it"):
        read_stream(pipe, 1000)
    with pytest.raises(NotPlain, match="more than 1,000 bytes"):
        read_stream(Path("/dev/zero"), 1000)


@pytest.mark.parametrize("in_folder", [False, True])
def test_a_batch_with_a_pipe_in_the_place_of_hints_ends(tiny_model: Path, tmp_path: Path, in_folder: bool) -> None:
    for name in ("a", "b"):
        grey_photo(tmp_path / "in" / f"{name}.png")
    pipe = tmp_path / "hints" / "a.hints.json"
    pipe.parent.mkdir()
    os.mkfifo(pipe)
    photos, hints = (tmp_path / "in", pipe.parent) if in_folder else (tmp_path / "in" / "a.png", pipe)
    report = colorize_photos(run_options((str(photos),), tmp_path / "out", str(tiny_model), "cpu", hints=hints))
    (failure,) = report.failures
    assert "a.hints.json: it is a named pipe, not a file" in str(failure.reason)
    assert (tmp_path / "out" / "b.png").exists() is in_folder
