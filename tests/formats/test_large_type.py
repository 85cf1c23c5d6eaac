"""Large black type in a JPEG keeps its lightness: its successor has chroma of full size."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from colorize_cli import Colorizer
from colorize_cli.formats.decode import decode
from colorize_cli.formats.halved_chroma import has_hard_edges
from colorize_cli.inference.photo_options import WriteOptions


def type_of(size: int, mode: str = "L") -> Image.Image:
    picture = Image.new("L", (600, 400), 255)
    drawn = ImageDraw.Draw(picture)
    for line, y in enumerate(range(20, 360, int(1.3 * size))):
        drawn.text((20, y), "abcdefgh mnopqrs tuvwxyz kei"[line:], fill=0, font=ImageFont.load_default(size))
    return picture.convert(mode)


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_large_type_is_verified(tmp_path: Path, mode: str) -> None:
    """Its lightness was off by 1.8 L* at the 99th percentile, and --verify said so."""
    type_of(40, mode).save(tmp_path / "type.jpg", quality=95)
    done = Colorizer("mini").file(tmp_path / "type.jpg", tmp_path / "out.jpg", write=WriteOptions(verify=True))
    assert done.status == "done", done.reason
    traits = decode(tmp_path / "out.jpg").pages[0].metadata.jpeg
    assert traits is not None and traits.sampling == "444"


def test_edges_are_hard_where_black_or_white_stands_beside_something_else() -> None:
    type_ = np.asarray(type_of(40))
    assert has_hard_edges(type_) and has_hard_edges(np.repeat(type_[..., None], 3, 2))
    assert not has_hard_edges(type_ // 3 + 90), "grey on grey"
    assert not has_hard_edges(np.asarray(type_of(40).resize((2400, 1600)).resize((4800, 3200)))), "soft"
    assert not has_hard_edges(np.zeros((1, 9), np.uint8)) and not has_hard_edges(type_.astype(np.uint16) * 257)
