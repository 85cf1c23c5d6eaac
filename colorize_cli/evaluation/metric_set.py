"""The judges of one evaluation, together: found before any work, fed batch by batch, asked at the end.

In:  metric names; what each candidate made of each batch
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
from colorize_cli.evaluation.columns import TRUTH, Column, Metric, parse_metrics
from colorize_cli.evaluation.methods import Prepared
from colorize_cli.evaluation.metrics import Judge, Pictures, pixel_judge
from colorize_cli.evaluation.thumbnails import Gallery, Small, make_small

if TYPE_CHECKING:
    from colorize_cli.evaluation.inception import InceptionEye


class Wanted(Interface):
    """The part of a job that decides who judges."""

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
    def critic(self) -> Path | None:
        """The run whose discriminator judges, or None."""

    @property
    def skip_missing(self) -> bool:
        """Leave out what cannot be measured here."""


@dataclass(frozen=True)
class Measured:
    """What the judges found of a batch.

    Attributes:
        names: of its pictures.
        found: by row, what each judge's `measure` gave.
        small: by row, the pictures for the report's page.
    """

    names: tuple[str, ...]
    found: Mapping[str, Sequence[Mapping[str, Tensor]]]
    small: Mapping[str, Sequence[Small]]


class Judges:
    """Every judge, and all that they have said.

    Attributes:
        names: the pictures measured, in order.
        classes: the class number of a label, or None.
        values: by row and column, one value per picture.
        gallery: the pictures themselves, small, for the report's page; None where nobody wants it.
    """

    def __init__(self, judges: Sequence[Judge], skipped: Sequence[str] = ()) -> None:
        self.judges, self.skipped = list(judges), list(skipped)
        self.names: list[str] = []
        self.values: dict[str, dict[str, list[float]]] = {}
        self.gallery: Gallery | None = None
        self.classes: Callable[[str | None], int | None] = lambda label: None

    @property
    def columns(self) -> list[Column]:
        """The table's columns."""
        return [column for judge in self.judges for column in judge.columns]

    @property
    def notes(self) -> list[str]:
        """What the reader of the table should know."""
        return list(dict.fromkeys(note for judge in self.judges for note in judge.notes))

    def begin(self, rows: Sequence[str], keep_pictures: bool) -> None:
        """Make room for the rows."""
        self.values = {row: {} for row in rows}
        self.gallery = Gallery(rows) if keep_pictures else None

    def name_classes(self, labels: Sequence[str | None], root: Path, skip_missing: bool) -> None:
        """Learn the data set's classes, where a judge asks for them.

        Raises:
            UsageError: they are not known (unless such metrics are skipped).
        """
        asking = [judge for judge in self.judges if judge.wants_classes]
        if not asking:
            return
        from colorize_cli.evaluation.perceptual import ImageNetClasses

        try:
            self.classes = ImageNetClasses(labels, root)
        except UsageError as error:
            if not skip_missing:
                raise
            self.judges = [judge for judge in self.judges if not judge.wants_classes]
            self.skipped.append(error.message)

    @torch.inference_mode()
    def measure(self, batch: Prepared, colored: Iterable[tuple[str, Tensor]]) -> Measured:
        """Measure what every candidate made of a batch; several batches may be measured at once."""
        found: dict[str, list[Mapping[str, Tensor]]] = {}
        small: dict[str, list[Small]] = {}
        for row, rgb in colored:
            preds = batch.truth if row == TRUTH else Pictures(rgb, batch.truth.labels)
            found[row] = [judge.measure(row, preds, batch.truth) for judge in self.judges]
            if self.gallery is not None:
                small[row] = make_small(rgb)
        return Measured(batch.names, found, small)

    def add(self, measured: Measured) -> None:
        """Take in the next batch."""
        self.names += measured.names
        for row, by_judge in measured.found.items():
            for judge, found in zip(self.judges, by_judge, strict=True):
                judge.remember(row, found)
                for column in judge.columns:
                    if column.name in found:
                        values = found[column.name].double().cpu().tolist()
                        self.values[row].setdefault(column.name, []).extend(values)
        if self.gallery is not None:
            for row, small in measured.small.items():
                self.gallery.add(row, small)

    def per_picture(self, row: str) -> dict[str, NDArray[np.float64]]:
        """A row's values by column."""
        return {column: np.asarray(values, np.float64) for column, values in self.values[row].items()}


def find_judges(job: Wanted, device: torch.device) -> Judges:
    """The judges that a job asks for.

    Raises:
        UsageError: a metric's name is wrong.
        WeightsError: what a metric needs is not here (unless the job skips such metrics), or nothing is left.
    """
    judges: list[Judge] = []
    missing: list[WeightsError] = []
    eye: InceptionEye | None = None
    for metric in parse_metrics([*job.metrics, *([job.rank_by] if job.rank_by else [])]):
        try:
            judge = pixel_judge(metric)
            if judge is None and metric in (Metric.fid, Metric.inception_score):
                from colorize_cli.evaluation.inception import Inception, InceptionEye, InceptionJudge

                eye = eye or InceptionEye(Inception(metric.value, device))
                judge = InceptionJudge(metric, eye)
            judges.append(judge or _networked(metric, job, device))
        except WeightsError as error:
            missing.append(error)
    if missing and (not job.skip_missing or not judges):
        rest = "\nThe other metrics are measured with --skip-missing." if judges else ""
        raise WeightsError("\n".join(map(str, missing)) + rest)
    return Judges(judges, [f"{error.message}. {error.hint or ''}".strip() for error in missing])


def _networked(metric: Metric, job: Wanted, device: torch.device) -> Judge:
    from colorize_cli.evaluation.perceptual import CriticJudge, LpipsJudge, VggJudge

    if metric is Metric.lpips:
        return LpipsJudge(device)
    if metric is Metric.vgg_accuracy:
        return VggJudge(device)
    return CriticJudge(_critic_of(job), device)


def _critic_of(job: Wanted) -> Path:
    """The discriminator that judges: the one asked for, else that of the first model's run."""
    if job.critic is not None:
        return job.critic
    paths = [Path(model).expanduser() for model in job.models]
    runs = [path if path.is_dir() else path.parent for path in paths if path.exists()]
    if not runs:
        raise WeightsError(
            "critic needs a discriminator",
            hint="Give --critic a run that was trained with one, or its critic.safetensors.",
        )
    return next((run for run in runs if (run / "critic.safetensors").is_file()), runs[0])
