"""The second reader reads files where it asks for them, without a memory map, which may end the process."""

from __future__ import annotations

import contextlib
from pathlib import Path

import numpy as np
import pytest
import pyvips
from PIL import Image

from colorize_cli.metadata.audit import compare, compare_pixels, containers
from colorize_cli.metadata.audit.compare import audit
from colorize_cli.metadata.audit.file_blocks import Inventory
from colorize_cli.metadata.audit.stored import ChangedError, Stored, unpack


def test_a_files_bytes_are_those_of_bytes(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    path = tmp_path / "x.bin"
    known = rng.integers(0, 256, 300_000).astype(np.uint8).tobytes()
    path.write_bytes(known)
    with path.open("rb") as file:
        data = Stored(file)
        assert len(data) == len(known) and data[5] == known[5] and data[-1] == known[-1]
        for start, stop in [(0, 0), (65_530, 65_545), (10, 250_000), (299_990, 400_000), (-9, None), (70, 20)]:
            assert data[start:stop] == known[start:stop]
        for at in (3, 65_534, 131_070, 299_000):  # over the seams of what is read at once, too
            what = known[at : at + 6]
            assert data.find(what) == known.find(what) and data.rfind(what) == known.rfind(what)
            assert data.find(what, at + 1) == known.find(what, at + 1)
            assert unpack(">IH", data, at) == unpack(">IH", known, at)
        assert data.find(b"no such bytes at all") == data.rfind(b"no such bytes at all") == -1
        with pytest.raises(IndexError, match="byte 300,000 of 300,000"):
            data[300_000]


def test_a_file_that_becomes_shorter_is_an_error_not_the_end(tmp_path: Path) -> None:
    path = tmp_path / "x.bin"
    path.write_bytes(bytes(200_000))
    with path.open("rb") as file:
        data = Stored(file)
        assert data[0] == 0
        path.write_bytes(bytes(70_000))
        with pytest.raises(ChangedError, match="shorter"):
            data[150_000]
        with pytest.raises(ChangedError, match="shorter"):
            data.find(b"\1")


def test_verify_names_a_source_that_is_cut_meanwhile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source, result = tmp_path / "s.png", tmp_path / "r.png"
    pixels = np.linspace(0, 255, 400 * 300).reshape(300, 400).astype(np.uint8)
    pixels[60:200, 90:250] = 255 - pixels[60:200, 90:250]
    for path in (source, result):
        Image.fromarray(pixels).save(path, compress_level=0)
    read = containers._read

    def cut_first(data: Stored) -> Inventory | None:
        with source.open("r+b") as file:
            file.truncate(9_000)
        return read(data)

    assert audit(source, result) == []
    monkeypatch.setattr(containers, "_read", cut_first)
    for notes in ((), ("some loss",)):
        Image.fromarray(pixels).save(source, compress_level=0)
        assert compare.audit(source, result, notes) == [
            "the source's blocks cannot be followed: it has become shorter while it was read"
        ]


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="the system does not tell what is mapped")
@pytest.mark.parametrize("suffix", ["jpg", "png", "tif", "webp", "gif", "avif"])
def test_no_picture_is_mapped_into_memory(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"x.{suffix}"
    noise = np.random.default_rng(0).integers(0, 256, (700, 700)).astype(np.uint8)
    Image.fromarray(noise).save(path)
    with compare_pixels._opened(path) as picture:
        assert abs(picture.crop(0, 0, 700, 8).avg() - noise[:8].mean()) < 30
        assert str(path) not in Path("/proc/self/maps").read_text()
        path.write_bytes(path.read_bytes()[:2000])
        with contextlib.suppress(pyvips.Error):
            picture.avg()  # ends in an error, or in what had been read, and not in a signal
