"""The metrics of one evaluation, together: found before any work, fed batch by batch, asked at the end.

In:  metric names; what each method made of each batch
Out: per-picture values by row and column
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Protocol as Interface

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from colorize_cli.errors import UsageError, WeightsError
from colorize_cli.evaluation.columns import TRUTH, Column, MetricName, metrics_of
from colorize_cli.evaluation.methods import Prepared
from colorize_cli.evaluation.metrics import Metric, Pictures, pixel_metric
from colorize_cli.evaluation.thumbnails import Gallery, Small, make_small

if TYPE_CHECKING:
    from colorize_cli.evaluation.inception import InceptionEye


class Wanted(Interface):
    """What decides which metrics are measured."""

    @property
    def metrics(self) -> Sequence[str]:
        """As typed."""

    @property
    def models(self) -> Sequence[str]:
        """As typed."""

    @property
    def rank_by(self) -> str | None:
        """A further metric, or None."""

    @property
    def discriminator(self) -> Path | None:
        """The run whose discriminator is the metric `discriminator`, or None."""

    @property
    def skip_missing(self) -> bool:
        """Leave out what cannot be measured here."""


@dataclass(frozen=True)
class Measured:
    """What the metrics found of a batch.

    Attributes:
        names: of its pictures.
        found: by row, what each metric's `measure` gave.
        small: by row, the pictures for the report's page.
    """

    names: tuple[str, ...]
    found: Mapping[str, Sequence[Mapping[str, Tensor]]]
    small: Mapping[str, Sequence[Small]]


class MetricSet:
    """Every metric, and all that they have measured.

    Attributes:
        names: the pictures measured, in order.
        classes: the class number of a label, or None.
        values: by row and column, one value per picture.
        gallery: the pictures themselves, small, for the report's page; None where nobody wants it.
    """

    def __init__(self, metrics: Sequence[Metric], skipped: Sequence[str] = ()) -> None:
        self.metrics, self.skipped = list(metrics), list(skipped)
        self.names: list[str] = []
        self.values: dict[str, dict[str, list[float]]] = {}
        self.gallery: Gallery | None = None
        self.classes: Callable[[str | None], int | None] = lambda label: None

    @property
    def columns(self) -> list[Column]:
        """The table's columns."""
        return [column for metric in self.metrics for column in metric.columns]

    @property
    def notes(self) -> list[str]:
        """What the reader of the table should know."""
        return list(dict.fromkeys(note for metric in self.metrics for note in metric.notes))

    def begin(self, rows: Sequence[str], keep_pictures: bool) -> None:
        """Make room for the rows."""
        self.values = {row: {} for row in rows}
        self.gallery = Gallery(rows) if keep_pictures else None

    def name_classes(self, labels: Sequence[str | None], root: Path, skip_missing: bool) -> None:
        """Learn the data set's classes, where a metric asks for them.

        Raises:
            UsageError: they are not known (unless such metrics are skipped).
        """
        asking = [metric for metric in self.metrics if metric.wants_classes]
        if not asking:
            return
        from colorize_cli.evaluation.perceptual import ImageNetClasses

        try:
            self.classes = ImageNetClasses(labels, root)
        except UsageError as error:
            if not skip_missing:
                raise
            self.metrics = [metric for metric in self.metrics if not metric.wants_classes]
            self.skipped.append(error.message)

    @torch.inference_mode()
    def measure(self, batch: Prepared, colored: Iterable[tuple[str, Tensor]]) -> Measured:
        """Measure what every method made of a batch; several batches may be measured at once."""
        found: dict[str, list[Mapping[str, Tensor]]] = {}
        small: dict[str, list[Small]] = {}
        for row, rgb in colored:
            preds = batch.truth if row == TRUTH else Pictures(rgb, batch.truth.labels)
            found[row] = [metric.measure(row, preds, batch.truth) for metric in self.metrics]
            if self.gallery is not None:
                small[row] = make_small(rgb)
        return Measured(batch.names, found, small)

    def add(self, measured: Measured) -> None:
        """Take in the next batch."""
        self.names += measured.names
        for row, by_metric in measured.found.items():
            for metric, found in zip(self.metrics, by_metric, strict=True):
                metric.remember(row, found)
                for column in metric.columns:
                    if column.name in found:
                        values = found[column.name].double().cpu().tolist()
                        self.values[row].setdefault(column.name, []).extend(values)
        if self.gallery is not None:
            for row, small in measured.small.items():
                self.gallery.add(row, small)

    def per_picture(self, row: str) -> dict[str, NDArray[np.float64]]:
        """A row's values by column."""
        return {column: np.asarray(values, np.float64) for column, values in self.values[row].items()}


def find_metrics(wanted: Wanted, device: torch.device) -> MetricSet:
    """The metrics that a run asks for.

    Raises:
        UsageError: a metric's name is wrong.
        WeightsError: what a metric needs is not here (unless the run skips such metrics), or nothing is left.
    """
    metrics: list[Metric] = []
    missing: list[WeightsError] = []
    eye: InceptionEye | None = None
    for name in metrics_of(wanted.metrics, wanted.rank_by):
        try:
            metric = pixel_metric(name)
            if metric is None and name in (MetricName.fid, MetricName.inception_score):
                from colorize_cli.evaluation.inception import Inception, InceptionEye, InceptionMetric

                eye = eye or InceptionEye(Inception(name.value, device))
                metric = InceptionMetric(name, eye)
            metrics.append(metric or _networked(name, wanted, device))
        except WeightsError as error:
            missing.append(error)
    if missing and (not wanted.skip_missing or not metrics):
        rest = "\nThe other metrics are measured with --skip-missing." if metrics else ""
        raise WeightsError("\n".join(map(str, missing)) + rest)
    return MetricSet(metrics, [f"{error.message}. {error.hint or ''}".strip() for error in missing])


def _networked(name: MetricName, wanted: Wanted, device: torch.device) -> Metric:
    from colorize_cli.evaluation.perceptual import DiscriminatorMetric, LpipsMetric, VggMetric

    if name is MetricName.lpips:
        return LpipsMetric(device)
    if name is MetricName.vgg_accuracy:
        return VggMetric(device)
    return DiscriminatorMetric(_discriminator_of(wanted), device)


def _discriminator_of(wanted: Wanted) -> Path:
    """The discriminator of the metric `discriminator`: the one asked for, else that of the first model's run."""
    if wanted.discriminator is not None:
        return wanted.discriminator
    from colorize_cli.models.discriminator_file import discriminator_of  # torch loads here

    paths = [Path(model).expanduser() for model in wanted.models]
    runs = [path if path.is_dir() else path.parent for path in paths if path.exists()]
    if not runs:
        raise WeightsError(
            "the metric discriminator needs a run that was trained with one",
            hint="Give --discriminator that run, or its discriminator.safetensors.",
        )
    return next((run for run in runs if discriminator_of(run)), runs[0])
