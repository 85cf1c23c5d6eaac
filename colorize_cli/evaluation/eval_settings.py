"""What `colorize eval` is to measure, as frozen data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from colorize_cli.data.named import Access
from colorize_cli.evaluation.protocol import Protocol


@dataclass(frozen=True)
class EvalSettings:
    """What to measure.

    Attributes:
        models: catalogue names, checkpoints, folders of runs; a row each.
        metrics: as typed.
        data: a folder of color photos, `samples`, or a known data set.
        access: how known data sets are reached.
        pred, ref: folders of files that another tool made, and of their truths.
        protocol: how photos are brought to size.
        vividness: 0 to 1; None is each model's own default.
        limit, seed: measure at most so many pictures, drawn from the seed.
        rank_by: the metric by which rows are sorted; None leaves them as they were given.
        discriminator: the run whose discriminator is the metric `discriminator`.
        skip_missing: leave out metrics whose weights or extra are absent, instead of stopping.
        device: auto, cpu, cuda, cuda:N or mps.
        batch: pictures a pass of the network; None is automatic.
        gallery: whether pictures are kept for the report's page.
    """

    models: Sequence[str] = ("mini",)
    metrics: Sequence[str] = ("psnr", "ssim", "colorfulness", "delta_e")
    data: str = "samples"
    access: Access = Access()
    pred: Sequence[Path] = ()
    ref: Path | None = None
    protocol: Protocol = Protocol.center256
    vividness: float | None = None
    limit: int | None = None
    seed: int = 0
    rank_by: str | None = None
    discriminator: Path | None = None
    skip_missing: bool = False
    device: str = "auto"
    batch: int | None = None
    gallery: bool = False
