"""A film's frames get their colors as finely where a GPU joins them, or regions keep their own, as elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from colorize_cli.formats.video.film_encoders import plan_coding
from colorize_cli.formats.video.film_frames import FilmFrame, read_frames
from colorize_cli.formats.video.film_info import film_info
from colorize_cli.formats.video.film_names import written_as
from colorize_cli.formats.video.planes import plane
from colorize_cli.inference.temporal.film_painting import FilmPainter
from tests.clips import Clip, make_film

SIZE = (48, 64)


def ramp(wide: bool) -> NDArray[Any]:
    """A slow change of grey: each sample has its own levels."""
    levels = np.linspace(0.3, 0.6, SIZE[0] * SIZE[1]).reshape(SIZE)
    return np.rint(levels * 65535).astype(np.uint16) if wide else np.rint(levels * 255).astype(np.uint8)


def one_frame(path: Path, wide: bool) -> tuple[FilmPainter, FilmPainter, FilmFrame]:
    """A film's first frame; who joins it here, and by a device's code."""
    torch = pytest.importorskip("torch", reason="the extra torch is not installed")
    clip = Clip(codec="ffv1", pix_fmt="gray10le" if wide else "gray", sounds=0)
    info = film_info(make_film(path, [ramp(wide)], clip))
    coding = plan_coding(info, written_as(".mkv"), "ffv1", None)
    (frame,) = read_frames(info)
    return FilmPainter(info, coding, 1.0), FilmPainter(info, coding, 1.0, gpu=torch.device("cpu")), frame


@pytest.mark.parametrize("wide", [False, True])
def test_a_device_joins_as_finely_as_the_processor(tmp_path: Path, wide: bool) -> None:
    here, there, frame = one_frame(tmp_path / "a.mkv", wide)
    ends = ((8, 12), (-6, 9))
    ab = np.stack([np.linspace(a, b, SIZE[0] * SIZE[1]).reshape(SIZE) for a, b in ends]).astype(np.float32)
    calm = np.full(SIZE, 50, np.float16)
    one, two = (painter.paint(frame, ab, calm, keeps=False) for painter in (here, there))
    assert one.format.name == two.format.name == ("yuv444p10le" if wide else "yuv444p")
    for number in range(3):
        first, second = (plane(picture, number).astype(int) for picture in (one, two))
        assert np.abs(first - second).max() <= 1
        assert (first != second).mean() < 0.02, number  # rounded once: twice, one sample in four is another
