"""A source that changes while it is read fails by name: a result is never a mixture of two pictures."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from colorize_cli.errors import DecodeError
from colorize_cli.files.copy import copy_whole
from colorize_cli.files.facts import facts_of, same_time, sha256_of
from colorize_cli.pipeline import opening
from colorize_cli.pipeline.outcome import Status
from colorize_cli.pipeline.run import Progress
from tests.inference.conftest import grey_photo
from tests.pipeline.test_resume import colorize, is_result_of
from tests.runs import colorize_photos, run_options

SIZE = (900, 3000)


def overwrite(photo: Path, other: Path) -> None:
    with photo.open("r+b") as file:
        file.write(other.read_bytes()[: photo.stat().st_size])


def rename_over(photo: Path, other: Path) -> None:
    status = photo.stat()
    data = other.read_bytes()[: status.st_size].ljust(status.st_size, b"\0")
    other.write_bytes(data)
    os.utime(other, ns=(status.st_atime_ns, status.st_mtime_ns))  # of the same size and time: only its inode tells
    other.replace(photo)


def cut(photo: Path, other: Path) -> None:
    os.truncate(photo, photo.stat().st_size // 2)


def remove(photo: Path, other: Path) -> None:
    photo.unlink()


@pytest.mark.parametrize("change", [overwrite, rename_over, cut, remove])
@pytest.mark.parametrize("stage", ["reading", "coloring"])
@pytest.mark.parametrize("suffix", ["tif", pytest.param("png", marks=pytest.mark.slow), "jpg"])
def test_a_streamed_photo_that_changes_fails_by_name(
    tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str, stage: str, change
):
    photo, other = (grey_photo(tmp_path / f"{name}.{suffix}", SIZE, seed) for seed, name in enumerate("ab"))
    out, changed = tmp_path / "out", False

    def on_progress(step: Progress) -> None:
        nonlocal changed
        if step.part is not None and step.part.stage == stage and step.part.done > 0 and not changed:
            changed = True
            change(photo, other)

    monkeypatch.setattr("colorize_cli.formats.row_cache.CAPACITY", 0)
    monkeypatch.setattr("colorize_cli.formats.read_plan.CAPACITY", 0)
    strips = {"stream_from": 1, "block_bytes": 1 << 16}
    job = run_options((str(photo),), out, model=str(tiny_model), device="cpu", jobs=1, **strips)
    report = colorize_photos(job, on_progress)
    assert changed
    assert report.counts == {Status.failed: 1}
    assert str(report.failures[0].reason).startswith(("the file changed while it was read", "the file is gone"))
    assert not (out / photo.name).exists()


def test_a_photo_that_changes_between_its_reading_and_its_hash_fails_by_name(
    tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    photo, other = grey_photo(tmp_path / "a.png", seed=1), grey_photo(tmp_path / "b.png", seed=2)
    real = opening.open_whole

    def slow(path: Path, *arguments: object) -> object:
        opened = real(path, *arguments)  # type: ignore[arg-type]
        if other.exists():
            other.replace(photo)
        return opened

    monkeypatch.setattr(opening, "open_whole", slow)
    report = colorize(tiny_model, photo, out=tmp_path / "out")
    assert report.counts == {Status.failed: 1}
    assert "the file changed while it was read" in str(report.failures[0].reason)
    assert colorize(tiny_model, photo, out=tmp_path / "out").counts == {Status.done: 1}
    assert is_result_of(tmp_path / "out" / "a.png", photo)


def test_a_copy_is_of_the_file_that_was_looked_at(tmp_path: Path):
    photo = tmp_path / "a.png"
    photo.write_bytes(bytes(3 << 20))
    facts = facts_of(photo)[0]
    photo.write_bytes(np.random.default_rng(0).bytes(3 << 20))
    os.utime(photo, ns=(3, 3))
    with pytest.raises(DecodeError, match="changed while it was read"):
        copy_whole(photo, tmp_path / "b.png", facts)
    with pytest.raises(DecodeError, match="changed while it was read"):
        sha256_of(photo, facts)
    assert not (tmp_path / "b.png").exists()
    copy_whole(photo, tmp_path / "b.png")
    assert (tmp_path / "b.png").read_bytes() == photo.read_bytes()


@pytest.mark.parametrize("step", [1, 100, 1_000, 1_000_000_000, 2_000_000_000])
def test_times_are_equal_where_a_file_system_keeps_them_coarsely(step: int):
    time = 1_700_000_001_234_567_891
    assert same_time(time, time // step * step)
    assert not same_time(time, time // step * step - 1_000_000_001)
