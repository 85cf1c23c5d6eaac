"""One optimisation step, and the validation between steps.

In:  a batch; a generator
Out: losses; figures of merit on held-out photos
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from colorize_cli.color.lab import linear_from_lab, split, srgb_from_linear
from colorize_cli.data.dataset import PhotoSet
from colorize_cli.data.pairs import Batch
from colorize_cli.data.transforms import centre_crop
from colorize_cli.evaluation.pixel import colorfulness, psnr, quantise
from colorize_cli.models.generator import Generator, Hints
from colorize_cli.models.mini import Mini
from colorize_cli.training.config import TrainConfig
from colorize_cli.training.losses import label_cross_entropy, rebalanced_cross_entropy


@dataclass(frozen=True)
class Losses:
    """Scalars of one step."""

    total: float
    colour: float
    label: float


def classification_step(
    model: Mini, batch: Batch, weights: Tensor, optimizer: torch.optim.Optimizer, config: TrainConfig
) -> Losses:
    """Forward, backward, update of the ab classifier; gradients clipped to `config.clip`."""
    logits, classes = model(batch.lightness, Hints(batch.hints[:, :2], batch.hints[:, 2:]))
    colour = rebalanced_cross_entropy(logits, batch.ab, weights)
    label = torch.zeros(()) if classes is None else label_cross_entropy(classes, batch.label)
    total = colour + config.class_weight * label
    optimizer.zero_grad(set_to_none=True)
    total.backward()  # type: ignore[no-untyped-call]
    nn.utils.clip_grad_norm_(model.parameters(), config.clip)
    optimizer.step()
    return Losses(float(total.detach()), float(colour.detach()), float(label.detach()))


def join_clipped(lightness: Tensor, ab: Tensor) -> Tensor:
    """Lab to 8-bit sRGB by clipping, [0, 255]: fast, for figures during training only."""
    return quantise(srgb_from_linear(linear_from_lab(lightness, ab)))


@torch.inference_mode()
def validate(
    model: Generator, photos: PhotoSet, chosen: Sequence[int], size: int, vividness: Sequence[float]
) -> dict[str, float]:
    """PSNR and colorfulness on centre crops of held-out photos, for grey, truth and each vividness.

    Returns:
        `grey_psnr`, `truth_colorfulness`, and `psnr@V` and `colorfulness@V`, means over the pictures.
    """
    model.eval()
    sums: dict[str, float] = {}
    for start in range(0, len(chosen), 32):
        part = chosen[start : start + 32]
        crops = [torch.from_numpy(centre_crop(photos.rgb(i), size)) for i in part]
        truth = torch.stack(crops).permute(0, 3, 1, 2).float()
        lightness, _ = split(truth / 255)
        grey = join_clipped(lightness, torch.zeros_like(lightness).expand(-1, 2, -1, -1))
        figures = {"grey_psnr": psnr(grey, truth), "truth_colorfulness": colorfulness(truth)}
        for v in vividness:
            ab = F.interpolate(model.colorize(lightness, None, v), size=(size, size), mode="bicubic")
            preds = join_clipped(lightness, ab)
            figures[f"psnr@{v:g}"], figures[f"colorfulness@{v:g}"] = psnr(preds, truth), colorfulness(preds)
        for key, value in figures.items():
            sums[key] = sums.get(key, 0.0) + float(value.clamp_max(60).sum())
    model.train()
    return {key: value / max(1, len(chosen)) for key, value in sums.items()}
