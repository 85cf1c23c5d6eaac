"""Which checkpoint of a run is its best.

In:  figures of a checkpoint, the recipe's choice
Out: a score, higher is better
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from importlib.util import find_spec

import torch

from colorize_cli.data.photosets import PhotoSet
from colorize_cli.errors import UsageError, WeightsError, quoted
from colorize_cli.models.feature_networks import feature_extractors
from colorize_cli.models.generator import Generator
from colorize_cli.models.registry import did_you_mean
from colorize_cli.models.weights import fetch
from colorize_cli.training.config import TrainConfig
from colorize_cli.training.tasks import task_of

METRICS = ("psnr", "colorfulness-balanced", "lpips", "fid", "inception_score")
_LOWER = ("lpips", "fid")
_DB = 3.0  # what a picture without any color, or with twice the truth's, loses

ShouldStop = Callable[[], bool]
Measure = Callable[[Generator, PhotoSet, Sequence[int], TrainConfig, torch.device, ShouldStop], dict[str, float]]


def best_by(config: TrainConfig) -> str:
    """By what a run's best checkpoint is chosen: as the recipe says, else by what suits its losses."""
    suits = "psnr" if config.discriminator is None else "colorfulness-balanced"
    return config.best_by or task_of(config).best_by or suits


def check_best_by(name: str) -> None:
    """See to it that a metric is known; "" stands for the recipe's own.

    Raises:
        UsageError: it is not.
    """
    if name and name not in METRICS:
        guess = did_you_mean(name, METRICS)
        raise UsageError(f"no --best-by {quoted(name)}.{guess}", hint=f"There are: {', '.join(METRICS)}.")


def score_of(figures: Mapping[str, float], by: str) -> float:
    """How good a checkpoint is.

    `colorfulness-balanced` is the PSNR less what the colorfulness is away from the truth's: a picture without color
    loses 3 dB, one with twice the truth's as much. So an early epoch of a GAN that is nearly grey, whose PSNR is high,
    is not its best.
    """
    if by in _LOWER:
        return -figures.get(by, math.inf)
    if by in ("inception_score", "f1"):
        return figures.get(by, -math.inf)
    psnr = figures.get("psnr@0", figures.get("psnr", -math.inf))
    if by == "psnr":
        return psnr
    psnr, truth = figures.get("psnr", -math.inf), figures.get("truth_colorfulness", 0.0)
    away = abs(figures.get("colorfulness", 0.0) / truth - 1) if truth else 0.0
    return psnr - _DB * away


def pull_metric(by: str, on_bytes: Callable[[str, int, int], None] | None = None) -> None:
    """Find or pull what a metric looks through, before any work.

    Raises:
        WeightsError: it is not to be had.
    """
    if by not in ("lpips", "fid", "inception_score"):
        return
    if by != "lpips" and find_spec("torch_fidelity") is None:
        raise WeightsError(f"--best-by {by} needs torch-fidelity", hint="pip install torch-fidelity")
    spec = feature_extractors()["alexnet" if by == "lpips" else "inception"]
    fetch(spec, None if on_bytes is None else lambda done, total: on_bytes(spec.name, done, total))


def network_metric(by: str) -> Measure | None:
    """What measures a metric that validation does not; None where it does.

    Raises:
        WeightsError: the metric's network is not to be had.
    """
    if by in ("psnr", "f1", "colorfulness-balanced"):
        return None
    from colorize_cli.training.held_out_metrics import NetworkMetric

    return NetworkMetric(by)
