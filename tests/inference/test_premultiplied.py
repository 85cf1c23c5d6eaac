"""Colors that were multiplied by alpha: a result, of whatever format, shows what its source shows."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray

from colorize_cli.color.pixels import lightness_of
from colorize_cli.color.spaces import SRGB
from colorize_cli.formats.decode import decode
from colorize_cli.pipeline.outcome import Status
from tests.metadata import blocks as b
from tests.runs import colorize_photos, run_options


def shown(pixels: NDArray[np.generic], alpha: NDArray[np.generic]) -> NDArray[np.generic]:
    """What a page of (H, W) or (H, W, 3) shows where alpha was multiplied in."""
    whole = pixels.astype(float) * np.iinfo(pixels.dtype).max / (alpha if pixels.ndim == 2 else alpha[..., None])
    return np.rint(whole).astype(pixels.dtype)


@pytest.mark.parametrize("suffix", ["tif", "png", "webp"])
@pytest.mark.parametrize("bits, channels, stream_from", [(8, 1, 1 << 40), (8, 3, 1), (16, 1, 1), (16, 3, 1 << 40)])
def test_a_page_with_alpha_multiplied_in_shows_what_it_showed(
    tiny_model: Path, tmp_path: Path, suffix: str, bits: int, channels: int, stream_from: int
) -> None:
    kind, step = (np.uint8, 1) if bits == 8 else (np.uint16, 257)
    alpha = np.tile(np.linspace(90, 255, 96).astype(kind), (64, 1))
    grey = np.rint(b.picture((96, 64)) / 255 * alpha).astype(kind)
    pages = np.dstack([*[grey] * channels, alpha]) * kind(step)
    source = tmp_path / "in" / "a.tif"
    source.parent.mkdir()
    how = "minisblack" if channels == 1 else "rgb"
    tifffile.imwrite(source, pages, photometric=how, planarconfig="contig", extrasamples=["assocalpha"], rowsperstrip=8)
    options = {"format": suffix, "verify": True, "stream_from": stream_from}
    report = colorize_photos(
        run_options((str(source),), tmp_path / "out", model=str(tiny_model), device="cpu", **options)
    )
    assert report.counts == {Status.done: 1}, report.failures
    back = decode(tmp_path / "out" / f"a.{suffix}").pages[0]
    assert back.alpha is not None and not back.metadata.premultiplied
    factor = 1 if back.alpha.dtype == np.uint8 else 257
    np.testing.assert_array_equal(back.alpha, alpha.astype(back.alpha.dtype) * factor)
    wanted = lightness_of(shown(pages[..., 0], pages[..., -1]), SRGB)
    limit = 0.6 if suffix != "webp" else 4.0
    assert np.abs(lightness_of(back.pixels, SRGB) - wanted).max() < limit
