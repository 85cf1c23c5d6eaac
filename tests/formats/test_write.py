"""Files are written whole or not at all, never over their source, and near the source's quality."""

from __future__ import annotations

import errno
import io
import os
import stat
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from colorize_cli.errors import EncodeError
from colorize_cli.files import atomic
from colorize_cli.formats.blocks import Block, BlockReader
from colorize_cli.formats.compare_pages import compared, through_encoder
from colorize_cli.formats.decode import decode
from colorize_cli.formats.encode import (
    EncodeSettings,
    Provenance,
    read_provenance,
    write_blocks,
    write_photo,
)
from colorize_cli.formats.photo import DecodeLimits, Photo, PhotoFormat
from colorize_cli.formats.probe import probe

Rewrite = Callable[..., tuple[Photo, Photo, Path]]
U8 = NDArray[np.uint8]


@pytest.fixture
def photo(tmp_path: Path, grey: U8) -> Photo:
    path = tmp_path / "in" / "photo.png"
    path.parent.mkdir()
    Image.fromarray(grey).save(path)
    os.utime(path, ns=(10**18, 10**18 + 123_456_789))
    return decode(path)


def write(photo: Photo, out: Path, note: Provenance, settings: EncodeSettings | None = None) -> None:
    write_photo(photo, [page.pixels for page in photo.pages], out, settings or EncodeSettings(), note)


def test_times_stay_and_the_owner_may_write(photo: Photo, tmp_path: Path, note: Provenance) -> None:
    for mode, expected in ((0o444, 0o644), (0o600, 0o600), (0o755, 0o644)):
        photo.path.chmod(mode)
        write(decode(photo.path), tmp_path / "out.png", note)
        found = (tmp_path / "out.png").stat()
        assert stat.S_IMODE(found.st_mode) == expected
        assert found.st_mtime_ns == 10**18 + 123_456_789


def test_never_over_the_source_by_whatever_name(photo: Photo, tmp_path: Path, note: Provenance) -> None:
    before = photo.path.read_bytes()
    soft, hard = tmp_path / "soft.png", tmp_path / "hard.png"
    soft.symlink_to(photo.path)
    os.link(photo.path, hard)
    for out in (photo.path, soft, hard, photo.path.parent / ".." / "in" / "photo.png"):
        with pytest.raises(EncodeError, match="never written over"):
            write(photo, out, note)
    assert photo.path.read_bytes() == before


@pytest.mark.parametrize("stage", ["write", "fsync", "replace"])
def test_a_failure_leaves_the_old_output_and_nothing_else(
    photo: Photo, tmp_path: Path, note: Provenance, monkeypatch: pytest.MonkeyPatch, stage: str
) -> None:
    folder = tmp_path / "out"
    folder.mkdir()
    out = folder / "photo.png"
    out.write_bytes(b"older")

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    if stage == "write":
        monkeypatch.setattr(atomic.os, "open", full)
    else:
        monkeypatch.setattr(atomic.os, stage, full)
    with pytest.raises(EncodeError, match="disk is full"):
        write(photo, out, note)
    assert out.read_bytes() == b"older" and os.listdir(folder) == ["photo.png"]


def test_an_interrupt_leaves_nothing(
    photo: Photo, tmp_path: Path, note: Provenance, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(atomic.os, "fsync", interrupted)
    folder = tmp_path / "out"
    folder.mkdir()
    with pytest.raises(KeyboardInterrupt):
        write(photo, folder / "photo.png", note)
    assert os.listdir(folder) == []


def test_a_folder_or_a_missing_folder_in_the_way(photo: Photo, tmp_path: Path, note: Provenance) -> None:
    (tmp_path / "taken.png").mkdir()
    with pytest.raises(EncodeError, match="folder"):
        write(photo, tmp_path / "taken.png", note)
    with pytest.raises(EncodeError, match="gone"):
        write(photo, tmp_path / "nowhere" / "photo.png", note)
    with pytest.raises(EncodeError, match="too long"):
        write(photo, tmp_path / ("n" * 300 + ".png"), note)


def test_names_at_the_limit_and_of_any_script(photo: Photo, tmp_path: Path, note: Provenance) -> None:
    for name in ("n" * 251 + ".png", "été 🎞\n.png", "日本.png"):
        write(photo, tmp_path / name, note)
        assert read_provenance(tmp_path / name) == note


def test_a_page_of_another_size_is_refused(photo: Photo, tmp_path: Path, note: Provenance) -> None:
    for wrong in (np.zeros((3, 3, 3), np.uint8), photo.pages[0].pixels.astype(np.uint16)):
        with pytest.raises(EncodeError):
            write_photo(photo, [wrong], tmp_path / "out.png", EncodeSettings(), note)
    with pytest.raises(EncodeError, match="0 pages"):
        write_photo(photo, [], tmp_path / "out.png", EncodeSettings(), note)
    assert not (tmp_path / "out.png").exists()


def test_the_same_photo_gives_the_same_bytes_in_every_format(tmp_path: Path, note: Provenance, rgb: U8) -> None:
    path = tmp_path / "photo.png"
    Image.fromarray(rgb).save(path)
    photo = decode(path)
    for format in (f for f in PhotoFormat if f is not PhotoFormat.heic):
        outs = [tmp_path / f"{i}.{format}" for i in range(2)]
        for out in outs:
            write(photo, out, note, EncodeSettings(format=format))
        assert outs[0].read_bytes() == outs[1].read_bytes()


def test_many_threads_at_once_give_what_one_gives(tmp_path: Path, note: Provenance, rgb: U8) -> None:
    paths = [tmp_path / f"{i}{suffix}" for i, suffix in enumerate([".jpg", ".png", ".tif", ".webp"] * 4)]
    for i, path in enumerate(paths):
        Image.fromarray(rgb + np.uint8(i)).save(path)

    def work(path: Path, tag: str) -> bytes:
        out = path.with_suffix(f".{tag}")
        write(decode(path), out, note)
        return out.read_bytes()

    alone = [work(path, "a") for path in paths]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(lambda path: work(path, "b"), paths)) == alone


def test_read_back_finds_nothing_wrong_and_what_is_wrong(tmp_path: Path, note: Provenance, photo: Photo) -> None:
    out = tmp_path / "out.png"
    write(photo, out, note)
    good = compared(photo, decode(out), EncodeSettings())
    assert good.faults == () and good.lossless
    other = replace(photo, pages=(replace(photo.pages[0], pixels=photo.pages[0].pixels[:-1]),))
    assert any("pixels instead of" in fault for fault in compared(other, decode(out), EncodeSettings()).faults)
    late = replace(photo, metadata=replace(photo.metadata, file=replace(photo.metadata.file, mtime_ns=0)))
    assert "the file's time differs" in compared(late, decode(out), EncodeSettings()).faults


def test_through_encoder_is_what_the_file_would_hold(tmp_path: Path, note: Provenance, rgb: U8) -> None:
    path = tmp_path / "photo.jpg"
    Image.fromarray(rgb).save(path, quality=70)
    photo = decode(path)
    out = tmp_path / "out.jpg"
    write(photo, out, note)
    (again,) = through_encoder(photo, [photo.pages[0].pixels], EncodeSettings())
    np.testing.assert_array_equal(again, decode(out).pages[0].pixels)


def test_probe_reads_little_of_a_large_tiff(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import tifffile

    path = tmp_path / "large.tif"
    tifffile.imwrite(path, np.zeros((3000, 4000), np.uint8), metadata=None)
    read = []
    honest = io.BufferedReader.read

    class Counting(io.BufferedReader):
        def read(self, size: int | None = -1, /) -> bytes:
            data = honest(self, size)
            read.append(len(data))
            return data

    import builtins

    real = builtins.open
    monkeypatch.setattr(builtins, "open", lambda *a, **k: Counting(real(*a, **k).detach()))
    assert probe(path).size == (4000, 3000)
    monkeypatch.undo()
    assert sum(read) < 400_000


def test_limits_are_frozen() -> None:
    with pytest.raises(AttributeError):
        DecodeLimits().max_pixels = 3  # type: ignore[misc]


@pytest.mark.parametrize("given", [30, 80, 100])
def test_a_lossy_webp_is_written_at_one_quality_and_a_lossless_one_without_loss(
    tmp_path: Path, rewrite: Rewrite, rgb: U8, given: int
) -> None:
    def as_webp(array: U8, **how: object) -> U8:
        out = io.BytesIO()
        Image.fromarray(array).save(out, "WEBP", **how)
        return np.asarray(Image.open(out))

    path = tmp_path / "p.webp"
    Image.fromarray(rgb).save(path, quality=given)
    before, after, _ = rewrite(path)
    assert np.array_equal(after.pages[0].pixels, as_webp(before.pages[0].pixels, quality=92))
    asked = rewrite(path, EncodeSettings(quality=40))[1]
    assert np.array_equal(asked.pages[0].pixels, as_webp(before.pages[0].pixels, quality=40))
    Image.fromarray(rgb).save(path, lossless=True)
    assert np.array_equal(rewrite(path)[1].pages[0].pixels, rgb)


@pytest.mark.parametrize("in_strips", [False, True])
def test_what_paints_or_stops_a_photo_is_no_fault_of_its_encoder(
    tmp_path: Path, note: Provenance, photo: Photo, in_strips: bool
) -> None:
    class Stopped(Exception):
        pass

    def stop(_: int) -> None:
        raise Stopped

    def broken(_: int, block: Block) -> NDArray[np.uint8]:
        raise ZeroDivisionError

    def plain(_: int, block: Block) -> NDArray[np.uint8]:
        return block.rows.pixels  # type: ignore[return-value]

    reader, out = BlockReader(photo, in_strips=in_strips), tmp_path / "out.png"
    with pytest.raises(Stopped):
        write_blocks(reader, plain, out, EncodeSettings(), note, stop)
    with pytest.raises(ZeroDivisionError):
        write_blocks(reader, broken, out, EncodeSettings(), note)
    assert not list(tmp_path.glob("out*")), "nothing half-written is left"
