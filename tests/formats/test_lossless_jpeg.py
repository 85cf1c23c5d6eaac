"""Lossless JPEG: libjpeg-turbo makes no smaller copies of it, and would write the pixels past their end."""

import subprocess
import sys
from pathlib import Path

import imagecodecs
import numpy as np
import pytest

from colorize_cli.formats.jpeg.jpeg_pixels import check_strictly, decode_strictly
from colorize_cli.metadata.lossless_jpeg import is_lossless

_READ = """
import sys
from pathlib import Path
from colorize_cli.formats.jpeg.jpeg_pixels import check_strictly, decode_strictly
from colorize_cli.metadata.audit.compare_pixels import _said_of_jpeg
path = Path(sys.argv[1])
for _ in range(20):
    check_strictly(path.read_bytes())
    assert decode_strictly(path.read_bytes(), 1, factor=8).shape == (75, 101)
    assert _said_of_jpeg(path) == ""
    junk = [bytes(1000 * i) for i in range(300)]
"""


@pytest.fixture(scope="module")
def grey() -> np.ndarray:
    return np.add.outer(np.arange(600) // 3, np.arange(801) // 4).clip(0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def file(grey: np.ndarray, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("lossless") / "a.jpg"
    path.write_bytes(imagecodecs.jpeg8_encode(grey, lossless=True))
    return path


def test_no_memory_is_overwritten(file: Path) -> None:
    done = subprocess.run([sys.executable, "-c", _READ, str(file)], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_smaller_copy_is_of_means(file: Path, grey: np.ndarray) -> None:
    small = decode_strictly(file.read_bytes(), 1, factor=4)
    assert small.shape == (150, 201)
    means = grey[:, :800].reshape(150, 4, 200, 4).mean((1, 3))
    assert np.abs(small[:, :200] - means).max() <= 0.5
    assert np.abs(small[:, 200] - grey[:, 800].reshape(150, 4).mean(1)).max() <= 0.5


def test_told_from_others(file: Path, grey: np.ndarray) -> None:
    assert is_lossless(file.read_bytes())
    assert not is_lossless(imagecodecs.jpeg8_encode(grey))
    assert not is_lossless(b"\xff\xd8\xff\xe1\x00\x20" + b"\xff\xc3\x00" * 9 + imagecodecs.jpeg8_encode(grey)[2:])
    assert is_lossless(b"\xff\xc3\x00" * 20_000)  # no camera writes this: nothing is asked of it in passing


def test_color_is_checked(grey: np.ndarray) -> None:
    color = np.stack([grey, grey[::-1], grey[:, ::-1]], -1)
    check_strictly(imagecodecs.jpeg8_encode(color, lossless=True))
