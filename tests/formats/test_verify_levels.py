"""`--verify` looks at the smaller copies of a scan, too: a pyramid that shows something else is found."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile

from colorize_cli.formats.tiff.verify_levels import level_faults
from tests.formats.large_files import Array, area, picture, tinted


def write(path: Path, base: Array, levels: list[Array], inside: bool, compression: str) -> Path:
    with tifffile.TiffWriter(path) as writer:
        options = {"photometric": "rgb", "metadata": None, "tile": (64, 64), "compression": compression}
        writer.write(base, subifds=len(levels) if inside else 0, **options)
        for level in levels:
            writer.write(level, subfiletype=1, **options)
    return path


@pytest.mark.parametrize("inside", [True, False])
@pytest.mark.parametrize(("dtype", "compression"), [(np.uint8, "zlib"), (np.uint16, "lzw"), (np.uint8, "jpeg")])
def test_a_copy_that_shows_something_else_is_found(inside: bool, dtype: type, compression: str, tmp_path: Path) -> None:
    base = tinted(picture(300, 421, dtype))
    levels = [area(base, 421 // factor, 300 // factor) for factor in (2, 3)]
    good = write(tmp_path / "good.tif", base, levels, inside, compression)
    assert level_faults(good, {0}) == []
    old = [levels[0], np.repeat(levels[1].mean(2, keepdims=True), 3, 2).astype(dtype)]  # its colors were forgotten
    bad = write(tmp_path / "bad.tif", base, old, inside, compression)
    (fault,) = level_faults(bad, {0})
    assert "140 x 100" in fault
    assert level_faults(bad, ()) == [], "the copies of a page that has its own colors are as they were"


def test_one_wrong_pixel_of_a_lossless_copy_is_found(tmp_path: Path) -> None:
    base = tinted(picture(300, 420))
    level = area(base, 210, 150)
    level[149, 209, 2] ^= 8
    assert len(level_faults(write(tmp_path / "scan.tif", base, [level], True, "zlib"), {0})) == 1
