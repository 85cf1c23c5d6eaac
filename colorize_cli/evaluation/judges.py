"""The judges of one evaluation, together: found before any work, fed batch by batch, asked at the end.

In:  metric names; what each candidate made of each batch
Out: per-picture values by row and column
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol as Interface

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from colorize_cli.errors import UsageError
from colorize_cli.evaluation.candidates import Prepared
from colorize_cli.evaluation.gallery import Gallery
from colorize_cli.evaluation.metrics import TRUTH, Column, Judge, Pictures, parse_metrics, pixel_judge


class Wanted(Interface):
    """The part of a job that decides who judges."""

    @property
    def metrics(self) -> Sequence[str]:
        """As typed."""

    @property
    def rank_by(self) -> str | None:
        """A further metric, or None."""

    @property
    def skip_missing(self) -> bool:
        """Leave out what cannot be measured here."""


class Judges:
    """Every judge, and all that they have said.

    Attributes:
        names: the pictures measured, in order.
        values: by row and column, one value per picture.
        gallery: the pictures themselves, small, for the report's page; None where nobody wants it.
    """

    def __init__(self, judges: Sequence[Judge], skipped: Sequence[str] = ()) -> None:
        self.judges, self.skipped = list(judges), list(skipped)
        self.names: list[str] = []
        self.values: dict[str, dict[str, list[float]]] = {}
        self.gallery: Gallery | None = None

    @property
    def columns(self) -> list[Column]:
        """The table's columns."""
        return [column for judge in self.judges for column in judge.columns]

    @property
    def notes(self) -> list[str]:
        """What the reader of the table should know."""
        return [note for judge in self.judges for note in judge.notes]

    def begin(self, rows: Sequence[str], keep_pictures: bool) -> None:
        """Make room for the rows."""
        self.values = {row: {} for row in rows}
        self.gallery = Gallery(rows) if keep_pictures else None

    def classes(self, label: str | None) -> int | None:
        """The class number of a label, where a judge asks for one."""
        return None

    @torch.inference_mode()
    def measure(self, batch: Prepared, colored: Sequence[tuple[str, Tensor]]) -> None:
        """Measure what every candidate made of a batch."""
        self.names += batch.names
        for row, rgb in colored:
            preds = batch.truth if row == TRUTH else Pictures(rgb, batch.truth.labels)
            for judge in self.judges:
                for column, values in judge.measure(row, preds, batch.truth).items():
                    self.values[row].setdefault(column, []).extend(values.double().cpu().tolist())
            if self.gallery is not None:
                self.gallery.add(row, rgb)

    def per_picture(self, row: str) -> dict[str, NDArray[np.float64]]:
        """A row's values by column."""
        return {column: np.asarray(values, np.float64) for column, values in self.values[row].items()}


def find_judges(job: Wanted, device: torch.device, on_notice: Callable[[str], None]) -> Judges:
    """The judges that a job asks for.

    Raises:
        UsageError: a metric's name is wrong.
        WeightsError: what a metric needs is not here (unless the job skips such metrics).
    """
    typed = [*job.metrics, *([job.rank_by] if job.rank_by else [])]
    judges: list[Judge] = []
    skipped: list[str] = []
    for metric in parse_metrics(typed):
        judge = pixel_judge(metric)
        if judge is None:
            raise UsageError(f"{metric} is not there yet")
        judges.append(judge)
    return Judges(judges, skipped)
