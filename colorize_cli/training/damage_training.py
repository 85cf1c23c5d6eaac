"""Training the network that finds dust and scratches: its loss, and its figures on held-out photos.

In:  logits of damage, and the truth as `data.damaged` makes it
Out: the loss; precision, recall and F1; a picture of rows damaged | found | truth
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from colorize_cli.data.damaged import damaged_sample
from colorize_cli.data.pairs import Batch
from colorize_cli.data.photosets import PhotoSet
from colorize_cli.data.transforms import Augmentation
from colorize_cli.training.config import TrainConfig
from colorize_cli.training.validation import SHEET_SIDE

_CROSS_ENTROPY = 4.0  # weight beside the overlap's loss, which is near 1 at first
_BATCH = 32


def damage_losses(logits: Tensor, batch: Batch) -> dict[str, Tensor]:
    """Cross-entropy of each pixel, and one minus the overlap of what is found with what is there (Dice).

    Args:
        logits: (N, 1, H, W).
        batch: its `ab` has the mask first.
    """
    truth = batch.ab[:, :1]
    found = torch.sigmoid(logits)
    overlap = (2 * (found * truth).sum() + 1) / ((found + truth).sum() + 1)
    return {"CE": _CROSS_ENTROPY * F.binary_cross_entropy_with_logits(logits, truth), "Dice": 1 - overlap}


def _held_out(
    photos: PhotoSet, indices: Sequence[int], size: int, device: torch.device
) -> Iterator[tuple[Tensor, Tensor]]:
    how = Augmentation(fit="random", min_area=0.5, degradation=0.5)
    for start in range(0, len(indices), _BATCH):
        picked = indices[start : start + _BATCH]
        samples = [damaged_sample(photos.rgb(i), size, how, np.random.default_rng((7, i))) for i in picked]
        lightness = torch.from_numpy(np.stack([sample.lightness for sample in samples])).to(device)
        yield lightness, torch.from_numpy(np.stack([sample.ab[:1] for sample in samples])).to(device)


@torch.inference_mode()
def validate_damage(
    model: nn.Module,
    photos: PhotoSet,
    indices: Sequence[int],
    config: TrainConfig,
    device: torch.device,
    levels: Sequence[float] = (),
    should_stop: Callable[[], bool] = lambda: False,
) -> dict[str, float]:
    """Precision, recall and F1 over all pixels of crops that are damaged alike at each call; empty without photos.

    Args: see `validate`, whose levels mean nothing here.
    """
    hits = found = there = 0.0
    for number, (lightness, truth) in enumerate(_held_out(photos, indices, config.val_size, device)):
        if number and should_stop():
            break
        mask = model(lightness) > 0
        hits += float((mask & (truth > 0)).sum())
        found, there = found + float(mask.sum()), there + float((truth > 0).sum())
    if not there:
        return {}
    precision, recall = hits / max(found, 1.0), hits / there
    return {"precision": precision, "recall": recall, "f1": 2 * hits / (found + there)}


@torch.inference_mode()
def damage_sheet(
    model: nn.Module, photos: PhotoSet, indices: Sequence[int], config: TrainConfig, device: torch.device
) -> NDArray[np.uint8] | None:
    """Rows of damaged | found | truth, one a photo: (rows * side, 3 * side, 3); None without photos."""
    rows: list[Tensor] = []
    for lightness, truth in _held_out(photos, indices, min(config.val_size, SHEET_SIDE), device):
        rows += list(torch.cat((lightness * 2.55, torch.sigmoid(model(lightness)) * 255, truth * 255), 3))
    if not rows:
        return None
    return torch.cat(rows, 1).round().byte().permute(1, 2, 0).expand(-1, -1, 3).contiguous().cpu().numpy()
