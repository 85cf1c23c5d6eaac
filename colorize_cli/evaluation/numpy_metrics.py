"""PSNR and SSIM where torch is not installed: the same protocol and figures, by numpy and OpenCV.

In:  `EvalSettings`
Out: `Evaluation`
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from colorize_cli.color.lab import grey_from_lightness
from colorize_cli.color.pixels import lightness_of
from colorize_cli.color.spaces import SRGB
from colorize_cli.data.srgb_photo import Rgb
from colorize_cli.errors import TORCH, MissingPackageError
from colorize_cli.evaluation.columns import GREY, PSNR, SSIM, TRUTH, Column, MetricName, metrics_of
from colorize_cli.evaluation.protocol import join
from colorize_cli.evaluation.reading import (
    check_places,
    nothing_measured,
    read_by_protocol,
    references_of,
    tell_resized,
)
from colorize_cli.evaluation.result import Evaluation, conclude
from colorize_cli.evaluation.row_names import name_models
from colorize_cli.evaluation.thumbnails import Gallery, Small, encode_small
from colorize_cli.formats.ahead import ahead
from colorize_cli.pipeline.colorizer import Colorizer

if TYPE_CHECKING:
    from colorize_cli.evaluation.eval_settings import EvalSettings
    from colorize_cli.evaluation.reading import Read

Values = NDArray[np.float32]
_READERS = 4  # threads that decode


@dataclass(frozen=True)
class Plain:
    """A row: files, grey, truth, or a model."""

    name: str
    sha256: str | None = None
    colorizer: Colorizer | None = None


@dataclass
class NumpyMetrics:
    """What was measured: by row and column, a value of each picture."""

    columns: list[Column]
    gallery: Gallery | None = None
    names: list[str] = field(default_factory=list)
    values: dict[str, dict[str, list[float]]] = field(default_factory=dict)
    metrics: tuple[()] = ()
    skipped: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def per_picture(self, row: str) -> dict[str, NDArray[np.float64]]:
        """A row's values by column."""
        return {name: np.asarray(found, np.float64) for name, found in self.values.get(row, {}).items()}


def psnr(preds: Rgb, target: Rgb) -> float:
    """Peak signal-to-noise ratio, dB, over three channels: two (H, W, 3), uint8; inf where they are equal."""
    error = float(np.mean((preds.astype(np.float32) - target.astype(np.float32)) ** 2, dtype=np.float64))
    return float(10 * np.log10(255.0**2 / error)) if error else float("inf")


def ssim(preds: Rgb, target: Rgb) -> float:
    """Structural similarity, as `pixel.ssim` measures it: two (H, W, 3), uint8, of at least 11 pixels a side."""
    x, y = (picture.astype(np.float32) - 128 for picture in (preds, target))
    mx, my = _blur(x), _blur(y)
    vx, vy, cov = _blur(x * x) - mx * mx, _blur(y * y) - my * my, _blur(x * y) - mx * my
    mx, my = mx + 128, my + 128
    c1, c2 = np.float32((0.01 * 255) ** 2), np.float32((0.03 * 255) ** 2)
    means = (2 * mx * my + c1) / (mx * mx + my * my + c1)
    return float(np.mean(means * (2 * cov + c2) / (vx + vy + c2), dtype=np.float64))


def _blur(x: Values) -> Values:
    line = np.exp(-(np.arange(-5.0, 6.0) ** 2) / (2 * 1.5**2))
    kernel = (line / line.sum()).astype(np.float32)
    return np.asarray(cv2.sepFilter2D(x, cv2.CV_32F, kernel, kernel), np.float32)[5:-5, 5:-5]


_METRICS: dict[MetricName, tuple[Column, Callable[[Rgb, Rgb], float]]] = {
    MetricName.psnr: (PSNR, psnr),
    MetricName.ssim: (SSIM, ssim),
}


def grey_of(truth: Rgb) -> Rgb:
    """The prediction that knows no color: (H, W, 3)."""
    grey = grey_from_lightness(lightness_of(truth, SRGB).astype(np.float64))
    return np.repeat((grey * 255).round().astype(np.uint8)[..., None], 3, 2)


def evaluate_plainly(
    wanted: EvalSettings, on_picture: Callable[[int, int], None], on_notice: Callable[[str], None]
) -> Evaluation:
    """See `evaluate.evaluate`.

    Raises:
        MissingPackageError: a metric or a model needs torch.
    """
    started = time.monotonic()
    names = metrics_of(wanted.metrics, wanted.rank_by)
    for name in names:
        if name not in _METRICS:
            raise MissingPackageError(
                f"{name} is measured by torch, which is not installed; psnr and ssim need none", package=TORCH
            )
    check_places(wanted)
    references, alone, folders = references_of(wanted)
    rows = [Plain(GREY), *(Plain(name) for name in folders)]
    for row_name, model in name_models(wanted.models).items():
        colorizer = Colorizer(
            model, device=wanted.device, precision="fp32", batch=wanted.batch or 0, vividness=wanted.vividness
        )
        colorizer.load(on_notice=on_notice)
        rows.append(Plain(row_name, colorizer.info.sha256, colorizer))
    rows.append(Plain(TRUTH))
    metrics = NumpyMetrics([_METRICS[name][0] for name in names])
    metrics.values = {row.name: {} for row in rows}
    metrics.gallery = Gallery([row.name for row in rows]) if wanted.gallery else None
    failed, dropped, resized = list[tuple[str, str]](), list[str](), list[str]()
    with ThreadPoolExecutor(_READERS) as readers:
        for done, read in enumerate(
            ahead(readers, lambda one: read_by_protocol(one, wanted.protocol), references, 2 * _READERS), 1
        ):
            resized += read.resized
            if read.error:
                failed.append((read.reference.name, read.error))
            elif read.truth is None:
                dropped.append(read.reference.name)
            else:
                _measure(read, read.truth, rows, names, metrics)
            on_picture(done, len(references))
    if not metrics.names:
        raise nothing_measured(wanted, failed, dropped)
    tell_resized(resized, on_notice)
    return conclude(wanted, rows, metrics, failed, dropped, alone, time.monotonic() - started)


def _measure(
    read: Read,
    truth: Rgb,
    rows: Sequence[Plain],
    names: Sequence[MetricName],
    metrics: NumpyMetrics,
) -> None:
    metrics.names.append(read.reference.name)
    for row in rows:
        rgb = _picture(row, read.files, truth)
        if metrics.gallery is not None:
            metrics.gallery.add(row.name, [Small(encode_small(rgb), (rgb.shape[0], rgb.shape[1]))])
        if row.name != TRUTH:
            for name in names:
                column, measure = _METRICS[name]
                metrics.values[row.name].setdefault(column.name, []).append(measure(rgb, truth))


def _picture(row: Plain, files: Mapping[str, Rgb], truth: Rgb) -> Rgb:
    if row.name == TRUTH:
        return truth
    if row.name == GREY:
        return grey_of(truth)
    if row.colorizer is None:
        return files[row.name]
    return join(truth, row.colorizer.chroma([lightness_of(truth, SRGB)])[0])
