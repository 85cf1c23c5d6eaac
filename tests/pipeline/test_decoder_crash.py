"""A decoder that crashes takes its photo with it, not the batch."""

from __future__ import annotations

import os
import signal
import threading
import time
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from colorize_cli.errors import DecodeError
from colorize_cli.formats.decode import decode
from colorize_cli.formats.photo import Photo
from colorize_cli.inference import prepared_photo
from colorize_cli.pipeline import killable, opening
from colorize_cli.pipeline.killable import ForkServer
from tests.inference.conftest import grey_photo
from tests.runs import colorize_photos, run_options

RNG = np.random.default_rng(0)
needs_fork = pytest.mark.skipif(not killable.is_possible(), reason="this system does not fork")


def grey_film(frames: int = 3) -> NDArray[np.uint16]:
    rows = np.linspace(0, 1023, 80).astype(np.uint16)
    return np.repeat(np.stack([np.roll(np.tile(rows, (64, 1)), 9 * at, 1) for at in range(frames)])[..., None], 3, 3)


@needs_fork
@pytest.mark.parametrize("how", [signal.SIGSEGV, signal.SIGABRT, signal.SIGKILL])
def test_a_crash_fails_one_photo_alone(
    tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: signal.Signals
) -> None:
    here = os.getpid()

    def crashing(path: Path, *rest: object) -> Photo:
        if path.stem == "b":
            assert os.getpid() != here, "this process would have ended"
            os.kill(os.getpid(), how)
        return decode(path, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(prepared_photo, "decode", crashing)
    for name in "ace":
        grey_photo(tmp_path / "in" / f"{name}.png")
    for name in "bd":
        Image.fromarray(grey_film()[0, ..., 0].astype(np.uint8)).save(tmp_path / "in" / f"{name}.avif")
    report = colorize_photos(run_options((str(tmp_path / "in"),), tmp_path / "out", str(tiny_model), "cpu", jobs=2))
    assert [Path(one.source).name for one in report.failures] == ["b.avif"] and report.exit_status == 1
    assert (
        str(report.failures[0].reason)
        == "its decoder crashed on it. It may be damaged; convert it to TIFF or PNG first."
    )
    assert sorted(path.name for path in (tmp_path / "out").glob("?.*")) == ["a.png", "c.png", "d.avif", "e.png"]


@needs_fork
def test_the_process_that_forks_comes_before_the_threads(
    tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A lock that another thread held at that time would be held in it for ever."""
    started, others = list[list[str]](), set(threading.enumerate())  # what a test before left hanging is not ours

    class Watched(ForkServer):
        def __init__(self, seconds: float | None) -> None:
            here = [thread.name for thread in threading.enumerate() if thread not in others]
            started.append([name for name in here if name.startswith("decode")])
            super().__init__(seconds)

    monkeypatch.setattr(opening, "ForkServer", Watched)
    grey_photo(tmp_path / "in" / "a.png")
    job = run_options((str(tmp_path / "in"),), tmp_path / "out", str(tiny_model), "cpu")
    assert colorize_photos(job).exit_status == 0 and started == []
    picture = Image.fromarray(grey_film()[0, ..., 0].astype(np.uint8))
    picture.save(tmp_path / "in" / "b.jpg", "AVIF")
    assert colorize_photos(job).exit_status == 0 and started == [[]], "its name does not say what it is"
    (tmp_path / "in" / "b.jpg").unlink()
    picture.save(tmp_path / "in" / "c.AVIF", "AVIF")
    assert colorize_photos(job).exit_status == 0 and started == [[], []]


@needs_fork
def test_a_crash_of_a_file_under_another_kinds_name_fails_it_alone(
    tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def crashing(path: Path, *rest: object) -> Photo:
        if path.stem == "b":
            os.kill(os.getpid(), signal.SIGSEGV)
        return decode(path, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(prepared_photo, "decode", crashing)
    grey_photo(tmp_path / "in" / "a.png")
    os.mkfifo(tmp_path / "in" / "c.png")
    Image.fromarray(grey_film()[0, ..., 0].astype(np.uint8)).save(tmp_path / "in" / "b.jpg", "AVIF")
    report = colorize_photos(run_options((str(tmp_path / "in"),), tmp_path / "out", str(tiny_model), "cpu"))
    assert "b.jpg" in [Path(one.source).name for one in report.failures] and (tmp_path / "out" / "a.png").exists()


@needs_fork
def test_a_decoder_that_hangs_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(killable, "_LONGEST", 0.2)
    monkeypatch.setitem(killable._FUNCTIONS, "hangs", lambda path: time.sleep(60))
    forks = ForkServer(None)
    with pytest.raises(DecodeError, match="no answer in an hour"):
        forks.run("hangs", tmp_path)
    forks.close()


@needs_fork
def test_what_comes_from_another_process_is_what_this_one_would_read(tmp_path: Path) -> None:
    path = tmp_path / "deep.avif"
    path.write_bytes(imagecodecs.avif_encode(grey_film(1)[0], level=100, bitspersample=10))
    forks = ForkServer(None)
    try:
        far, near = forks.run("decode", path), decode(path)
    finally:
        forks.close()
    assert (far.format, far.notes, far.metadata) == (near.format, near.notes, near.metadata)
    for one, other in zip(far.pages, near.pages, strict=True):
        np.testing.assert_array_equal(one.pixels, other.pixels)
        assert one.pixels.flags.writeable and one.pixels.dtype == other.pixels.dtype


@needs_fork
def test_what_a_library_says_there_is_not_on_the_console(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(killable._FUNCTIONS, "loud", lambda path: os.write(2, b"libsomething: oops"))
    forks = ForkServer(None)
    assert forks.run("loud", tmp_path) == 18
    forks.close()
    assert capfd.readouterr().err == ""


@needs_fork
def test_the_first_picture_of_a_deep_animation(tmp_path: Path) -> None:
    """In a process of its own: imagecodecs' decoder of one picture of an animation crashes."""
    path, film = tmp_path / "film.avif", grey_film()
    path.write_bytes(imagecodecs.avif_encode(film, level=100, bitspersample=10))
    forks = ForkServer(None)
    try:
        photo = forks.run("decode", path)
    finally:
        forks.close()
    assert photo.pages[0].pixels.dtype == np.uint16 and any("animated" in note for note in photo.notes)
    expected = np.rint(film[0, ..., 0] * (65535 / 1023))
    found = photo.pages[0].pixels if photo.pages[0].pixels.ndim == 2 else photo.pages[0].pixels[..., 1]
    assert np.abs(found - expected).max() <= 2 * 64


def open_files(path: Path) -> list[str]:
    numbers = [number for number in os.listdir("/dev/fd") if int(number) > 2 and os.path.exists(f"/dev/fd/{number}")]
    return [os.readlink(f"/dev/fd/{number}") for number in numbers]


@needs_fork
def test_no_other_file_or_process_is_held_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(killable._FUNCTIONS, "open files", open_files)
    with open(tmp_path / "held", "wb"):
        first, second = ForkServer(None), ForkServer(None)
    held = second.run("open files", tmp_path)
    assert not any("held" in name for name in held) and len(held) == 1, held
    first.close()  # though the second was forked from a process that had the first one's line
    second.close()
