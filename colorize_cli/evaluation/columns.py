"""What can be measured, by name, and how it is shown.

In:  metric names as typed
Out: metrics; columns of the table
"""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from colorize_cli.errors import UsageError

TRUTH, GREY = "truth", "grey"  # names of the rows that are always there


class MetricName(StrEnum):
    """Everything that `--metrics` takes."""

    psnr = "psnr"
    ssim = "ssim"
    colorfulness = "colorfulness"
    delta_e = "delta_e"
    auc = "auc"
    raw_accuracy = "raw_accuracy"
    lpips = "lpips"
    fid = "fid"
    inception_score = "inception_score"
    vgg_accuracy = "vgg_accuracy"
    discriminator = "discriminator"


_RENAMED = {"critic": MetricName.discriminator}  # metrics by the names that they had before


class Better(StrEnum):
    """Which way a figure is good."""

    up = "higher"
    down = "lower"
    truth = "near the truth's"


@dataclass(frozen=True)
class Column:
    """One column of the table.

    Attributes:
        name: stable, as in the reports.
        title: as shown.
        unit: "" where it has none.
        better: which way is good.
        digits: after the decimal point.
        of_truth: whether the truth has a value of its own.
    """

    name: str
    title: str
    unit: str
    better: Better
    digits: int = 3
    of_truth: bool = False


PSNR = Column("psnr", "PSNR", "dB", Better.up, 2)
SSIM = Column("ssim", "SSIM", "", Better.up, 4)


def parse_metrics(typed: Sequence[str]) -> list[MetricName]:
    """Metrics from what was typed: words, each perhaps several joined by commas; duplicates once, in their order.

    Raises:
        UsageError: no such metric; the nearest right name is suggested.
    """
    metrics: dict[MetricName, None] = {}
    for word in (part.strip() for text in typed for part in text.split(",")):
        name = word.lower().replace("-", "_")
        if not name:
            continue
        name = _RENAMED.get(name, name)
        if name not in list(MetricName):
            near = difflib.get_close_matches(name, list(MetricName), n=1, cutoff=0.4)
            guess = f' Did you mean "{near[0]}"?' if near else ""
            raise UsageError(f'no metric "{word}".{guess}', hint=f"There are: {', '.join(MetricName)}")
        metrics[MetricName(name)] = None
    if not metrics:
        raise UsageError("--metrics names no metric", hint=f"There are: {', '.join(MetricName)}")
    return list(metrics)


def metrics_of(typed: Sequence[str], rank_by: str | None) -> list[MetricName]:
    """The metrics that are measured: those that were typed, and the one that rows are ranked by.

    Raises:
        UsageError: no such metric, or rows are to be ranked by several.
    """
    return parse_metrics([*typed, *([rank_metric(rank_by)] if rank_by else [])])


def rank_metric(typed: str) -> MetricName:
    """The metric that rows are ranked by.

    Raises:
        UsageError: no such metric, or several.
    """
    if sum(bool(part.strip()) for part in typed.split(",")) != 1:
        raise UsageError(f"--rank-by {typed}: it takes one metric", hint="Name a metric: --rank-by psnr")
    return parse_metrics([typed])[0]
