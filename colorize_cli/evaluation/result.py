"""What an evaluation found.

In:  the metrics' values
Out: `Evaluation`: rows with figures and intervals, ready to be shown or written
"""

from __future__ import annotations

import math
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from colorize_cli.errors import ExitStatus, UsageError, counted
from colorize_cli.evaluation.columns import TRUTH, Better, Column, rank_metric
from colorize_cli.evaluation.eval_settings import EvalSettings
from colorize_cli.evaluation.statistics import Figure, bootstrap_mean
from colorize_cli.version import __version__

if TYPE_CHECKING:
    from colorize_cli.evaluation.methods import Method
    from colorize_cli.evaluation.metric_set import MetricSet
    from colorize_cli.evaluation.numpy_metrics import NumpyMetrics, Plain
    from colorize_cli.evaluation.thumbnails import Gallery

_LIBRARIES = ("torch", "torchvision", "numpy", "opencv-python-headless", "torch-fidelity")


@dataclass(frozen=True)
class Row:
    """One method's figures.

    Attributes:
        name: unique in the table.
        sha256: of a model's weights.
        figures: by column.
        per_picture: by column, one value per picture.
        curves: by name, values at thresholds 0, 1, 2, ...
    """

    name: str
    sha256: str | None
    figures: Mapping[str, Figure]
    per_picture: Mapping[str, NDArray[np.float64]]
    curves: Mapping[str, Sequence[float]] = field(default_factory=dict)


@dataclass(frozen=True)
class Evaluation:
    """What was measured, how, and what came out.

    Attributes:
        settings: protocol, data and what else decides the figures, as text.
        versions: of this program and what it computes with.
        columns, rows: the table.
        names: the pictures measured, in the order of the rows' per-picture values.
        grey_truths: pictures left out because their truth has no color.
        failed: name and reason of pictures that could not be measured.
        alone: a line for each file without a partner.
        skipped: a line for each metric that was left out.
        notes: what the reader should know.
        gallery: the pictures, where they were kept.
        seconds: wall time.
    """

    settings: Mapping[str, str]
    versions: Mapping[str, str]
    columns: Sequence[Column]
    rows: Sequence[Row]
    names: Sequence[str]
    grey_truths: Sequence[str]
    failed: Sequence[tuple[str, str]]
    alone: Sequence[str]
    skipped: Sequence[str]
    notes: Sequence[str]
    gallery: Gallery | None = None
    seconds: float = 0.0

    @property
    def exit_status(self) -> ExitStatus:
        """0, or 1 where pictures failed."""
        return ExitStatus.some_failed if self.failed else ExitStatus.done

    @property
    def remarks(self) -> list[str]:
        """What was left out, a line each kind or file."""
        lines = []
        if self.grey_truths:
            shown = ", ".join(self.grey_truths[:3]) + (", ..." if len(self.grey_truths) > 3 else "")
            lines.append(f"{counted(len(self.grey_truths), 'photo')} left out for a grey truth: {shown}")
        return [*lines, *(f"no partner: {line}" for line in self.alone), *(f"skipped: {line}" for line in self.skipped)]

    def row(self, name: str) -> Row:
        """The row of that name."""
        return next(row for row in self.rows if row.name == name)


def library_versions() -> dict[str, str]:
    """Versions of this program, Python and the libraries that decide figures."""
    found = {"colorize-cli": __version__, "python": platform.python_version()}
    for library in _LIBRARIES:
        try:
            found[library] = version(library)
        except PackageNotFoundError:
            continue
    return found


def conclude(
    wanted: EvalSettings,
    methods: Sequence[Method] | Sequence[Plain],
    metrics: MetricSet | NumpyMetrics,
    failed: Sequence[tuple[str, str]],
    dropped: Sequence[str],
    alone: Sequence[str],
    seconds: float,
) -> Evaluation:
    """Turn the metrics' values into a table."""
    rows, alike = [], list[str]()
    for method in methods:
        values = metrics.per_picture(method.name)
        figures = {}
        for name, column in values.items():
            known, identical = column[~np.isnan(column)], int(np.isinf(column).sum())
            if 0 < identical < len(known):  # the PSNR of equal pictures is infinite: a mean with it says nothing
                known = known[np.isfinite(known)]
                alike.append(f"{method.name}: {counted(identical, 'identical picture')} left out of the mean {name}.")
            figures[name] = bootstrap_mean(known, wanted.seed)
        curves: dict[str, Sequence[float]] = {}
        for metric in metrics.metrics:
            conclusion = metric.conclude(method.name, wanted.seed)
            figures.update(conclusion.figures)
            curves.update(conclusion.curves)
            values.update(conclusion.per_picture)
        if figures or method.name != TRUTH:
            rows.append(Row(method.name, method.sha256, figures, values, curves))
    settings = {
        "protocol": wanted.protocol.value,
        "data": str(wanted.ref if wanted.pred else wanted.data),
        "vividness": "the model's own" if wanted.vividness is None else f"{wanted.vividness:g}",
        "limit": "none" if wanted.limit is None else str(wanted.limit),
        "seed": str(wanted.seed),
    }
    if wanted.rank_by:
        by = rank_metric(wanted.rank_by)
        rows = rank(rows, metrics.columns, by)
        settings["ranked by"] = by.value
    return Evaluation(
        settings,
        library_versions(),
        metrics.columns,
        rows,
        metrics.names,
        dropped,
        failed,
        alone,
        metrics.skipped,
        [*metrics.notes, *alike],
        metrics.gallery,
        seconds,
    )


def rank(rows: Sequence[Row], columns: Sequence[Column], by: str) -> list[Row]:
    """Sort rows by a metric, the best first; rows that have no figure of it come last, in their order.

    Raises:
        UsageError: no column of that metric was measured.
    """
    column = next((column for column in columns if column.name == by or column.name.startswith(by)), None)
    if column is None:
        raise UsageError(f"cannot rank by {by}: it was not measured", hint="Name a metric: --rank-by psnr")
    truths = [row.figures[column.name].value for row in rows if row.name == TRUTH and column.name in row.figures]

    def key(row: Row) -> float:
        value = row.figures[column.name].value if column.name in row.figures else math.nan
        if math.isnan(value):
            return math.inf
        if column.better is Better.truth:
            return abs(value - truths[0]) if truths else value
        return -value if column.better is Better.up else value

    ranked = sorted((row for row in rows if row.name != TRUTH), key=key)
    return ranked + [row for row in rows if row.name == TRUTH]
