"""HEIC files with several pictures: each comes out with its own metadata."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest

from colorize_cli.formats.decode import decode
from colorize_cli.formats.encode import EncodeSettings, target_format
from colorize_cli.formats.photo import PhotoFormat
from colorize_cli.formats.probe import probe
from colorize_cli.metadata.audit.compare import audit
from tests.metadata import blocks as b
from tests.metadata.test_audit import colored

pillow_heif = pytest.importorskip("pillow_heif")


def heic(*pictures: tuple[np.ndarray, bytes], primary: int = 0) -> bytes:
    """A file of grey pictures, each with a title."""
    file = pillow_heif.HeifFile()
    for number, (pixels, title) in enumerate(pictures):
        rgb = np.ascontiguousarray(np.repeat(pixels[..., None], 3, 2))
        file.add_frombytes("RGB", (rgb.shape[1], rgb.shape[0]), rgb.tobytes())
        file[number].info["xmp"] = b.xmp(b.title(title.decode()))
    out = io.BytesIO()
    file.save(out, quality=90, primary_index=primary)
    return out.getvalue()


@pytest.mark.parametrize("primary", [0, 1])
def test_every_picture_comes_out_in_color_with_its_own_title(tmp_path: Path, primary: int):
    one, two = b.picture((128, 96), 1), b.picture((96, 128), 2)
    source, result, notes = colored(heic((one, b"one"), (two, b"two"), primary=primary), tmp_path)
    assert not notes and probe(source).pages == 2
    photo, back = decode(source), decode(result)
    assert target_format(photo, EncodeSettings())[0] is PhotoFormat.heic
    order = [(one, b"one"), (two, b"two")][:: 1 if primary == 0 else -1]
    assert [page.size for page in back.pages] == [pixels.shape[::-1] for pixels, _ in order]
    for page, (pixels, _) in zip(back.pages, order, strict=True):
        assert np.abs(page.pixels.astype(float).mean(2) - pixels).mean() < 4
    assert b">" + order[0][1] + b"<" in (back.metadata.xmp or b"")
    own = back.pages[1].metadata.multi
    assert own is not None and own.around is not None and b">" + order[1][1] + b"<" in (own.around.xmp or b"")
    assert audit(source, result, notes) == []
    lost = tmp_path / "lost.heic"
    lost.write_bytes(heic((one, b"one")))
    if primary == 0:
        assert "1 of 2 pictures are there" in audit(source, lost)


def test_several_pictures_become_pages_of_a_tiff(tmp_path: Path):
    source = heic((b.picture((128, 96), 1), b"one"), (b.picture((128, 96), 2), b"two"))
    _, result, notes = colored(source, tmp_path, format=PhotoFormat.tiff)
    assert len(decode(result).pages) == 2
    assert any("pictures behind the first" in note for note in notes)
