"""What can be measured: the list of metrics, and the objects that measure them.

In:  metric names as typed; batches of predictions and truths
Out: values per picture, and figures of a whole row of the table
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from colorize_cli.color.gpu import lab_of_levels
from colorize_cli.evaluation import pixel
from colorize_cli.evaluation.accuracy import accuracy_curve, area_weights, color_weights, error_histogram
from colorize_cli.evaluation.columns import GREY, PSNR, SSIM, TRUTH, Better, Column, MetricName
from colorize_cli.evaluation.statistics import Figure, bootstrap_ratio


class Pictures:
    """A batch of pictures, (N, 3, H, W), float32, [0, 255], whose Lab and moments are computed once for all metrics."""

    def __init__(self, rgb: Tensor, labels: Sequence[int | None] = ()) -> None:
        self.rgb, self.labels = rgb, labels
        self.seen: dict[object, tuple[Tensor, ...]] = {}  # what a network that several metrics share made of them

    @cached_property
    def lab(self) -> Tensor:
        """CIE Lab, (N, 3, H, W)."""
        return lab_of_levels(self.rgb)

    @cached_property
    def moments(self) -> tuple[Tensor, Tensor]:
        """Local means and variances, for SSIM."""
        return pixel.moments(self.rgb)

    def __len__(self) -> int:
        return len(self.rgb)


@dataclass(frozen=True)
class Conclusion:
    """What a metric says of a whole row.

    Attributes:
        figures: by column, where the mean over pictures is not the figure.
        curves: by name, values at thresholds.
        per_picture: by column, values that could only be computed at the end.
    """

    figures: Mapping[str, Figure] = field(default_factory=dict)
    curves: Mapping[str, Sequence[float]] = field(default_factory=dict)
    per_picture: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)


class Metric(ABC):
    """Measures one metric for every row.

    `measure` may run for several batches at once; `remember` is called batch after batch, in order.
    """

    columns: tuple[Column, ...]
    notes: tuple[str, ...] = ()
    wants_classes: bool = False

    @abstractmethod
    def measure(self, row: str, preds: Pictures, truth: Pictures) -> Mapping[str, Tensor]:
        """Values of each picture by column, (N,); under other names, what `remember` needs."""

    def remember(self, row: str, found: Mapping[str, Tensor]) -> None:
        """Take in what `measure` found of the next batch; nothing where the conclusion needs nothing."""
        return

    def conclude(self, row: str, seed: int) -> Conclusion:
        """Figures of the whole row; none where they are means over pictures."""
        return Conclusion()


class PixelMetric(Metric):
    """A metric that is a pure function of one prediction and its truth."""

    def __init__(self, column: Column, function: Callable[[Pictures, Pictures], Tensor]) -> None:
        self.columns, self.function = (column,), function

    def measure(self, row: str, preds: Pictures, truth: Pictures) -> Mapping[str, Tensor]:
        """See `Metric.measure`."""
        column = self.columns[0]
        return {} if row == TRUTH and not column.of_truth else {column.name: self.function(preds, truth)}


class AccuracyMetric(Metric):
    """Raw accuracy's curve, or the area under it; plain and with rare colors counting as much as common ones."""

    def __init__(self, metric: MetricName, threshold: int = 20) -> None:
        self.metric, self.threshold = metric, threshold
        stem, title = (
            ("auc", "AUC") if metric is MetricName.auc else (f"accuracy@{threshold}", f"Accuracy @{threshold}")
        )
        self.columns = (
            Column(stem, title, "%", Better.up, 2),
            Column(f"{stem}_rebalanced", f"{title} rebalanced", "%", Better.up, 2),
        )
        self.notes = ("Rebalanced accuracy weighs each color by the inverse of its share in these pictures.",)
        self._truth: list[Tensor] = []
        self._sums: dict[str, list[Tensor]] = {}
        self._pooled: dict[str, Tensor] = {}

    def _gain(self) -> Tensor:
        if self.metric is MetricName.auc:
            return area_weights()
        return (torch.arange(len(area_weights())) <= self.threshold).double()

    def measure(self, row: str, preds: Pictures, truth: Pictures) -> Mapping[str, Tensor]:
        """See `Metric.measure`."""
        if row == TRUTH:
            return {}
        cells = error_histogram(preds.lab[:, 1:], truth.lab[:, 1:]).cpu().double()
        counts, gains = cells.sum(-1), cells @ self._gain()
        values = 100 * gains.sum(1) / counts.sum(1)
        return {self.columns[0].name: values, "counts": counts, "gains": gains, "pooled": cells.sum(0)}

    def remember(self, row: str, found: Mapping[str, Tensor]) -> None:
        """See `Metric.remember`."""
        if not found:
            return
        if row == GREY:
            self._truth.append(found["counts"])
        self._sums.setdefault(row, []).append(found["gains"])
        self._pooled[row] = self._pooled.get(row, torch.zeros(())) + found["pooled"]

    def conclude(self, row: str, seed: int) -> Conclusion:
        """See `Metric.conclude`."""
        if row not in self._sums:
            return Conclusion()
        counts, gains, pooled = torch.cat(self._truth), torch.cat(self._sums[row]), self._pooled[row]
        weights = color_weights(counts.sum(0))
        above, below = (gains @ weights).numpy(), (counts @ weights).numpy()
        figure, name = bootstrap_ratio(100 * above, below, seed), self.columns[1].name
        curves = {
            "raw_accuracy": accuracy_curve(pooled.sum(0)).tolist(),
            "raw_accuracy_rebalanced": accuracy_curve(weights @ pooled).tolist(),
        }
        return Conclusion({name: figure}, curves, {name: 100 * above / below})


_PIXEL: dict[MetricName, tuple[Column, Callable[[Pictures, Pictures], Tensor]]] = {
    MetricName.psnr: (PSNR, lambda p, t: pixel.psnr(p.rgb, t.rgb)),
    MetricName.ssim: (
        SSIM,
        lambda p, t: pixel.ssim_from(p.rgb, t.rgb, p.moments, t.moments),
    ),
    MetricName.colorfulness: (
        Column("colorfulness", "Colorfulness", "", Better.truth, 1, of_truth=True),
        lambda p, _: pixel.colorfulness(p.rgb),
    ),
    MetricName.delta_e: (
        Column("delta_e", "ΔE00", "", Better.down, 2),
        lambda p, t: pixel.ciede2000(p.lab, t.lab).mean((1, 2)),
    ),
}


def pixel_metric(name: MetricName) -> Metric | None:
    """The metric of that name if it needs no weights; None for the others."""
    if name in (MetricName.auc, MetricName.raw_accuracy):
        return AccuracyMetric(name)
    return PixelMetric(*_PIXEL[name]) if name in _PIXEL else None
