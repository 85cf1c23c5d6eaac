"""How good a generator is on held-out photos, and a sheet that shows it.

In:  a generator, held-out photos
Out: figures of merit beside those of grey; a picture of rows grey | predicted | truth
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from colorize_cli.color.gpu import linear_from_lab, split, srgb_from_linear
from colorize_cli.data.photosets import PhotoSet
from colorize_cli.data.transforms import centre_crop
from colorize_cli.evaluation.pixel import colorfulness, psnr, quantize, ssim
from colorize_cli.models.generator import Generator

_BATCH = 32
_MOST_DB = 60.0  # of a perfect picture, so that one cannot lift a mean to infinity
_SMALLEST_SSIM = 11  # pixels


def join_clipped(lightness: Tensor, ab: Tensor) -> Tensor:
    """Lab to 8-bit sRGB by clipping, [0, 255]: faster than keeping L* at the gamut's edge, for figures in training."""
    return quantize(srgb_from_linear(linear_from_lab(lightness, ab)))


def truths(photos: PhotoSet, indices: Sequence[int], size: int, device: torch.device) -> Iterator[Tensor]:
    """Center crops of photos in batches, sRGB, (n, 3, size, size), [0, 255], on the device."""
    for start in range(0, len(indices), _BATCH):
        crops = [torch.from_numpy(centre_crop(photos.rgb(i), size)) for i in indices[start : start + _BATCH]]
        yield torch.stack(crops).permute(0, 3, 1, 2).float().to(device)


def predicted(model: Generator, lightness: Tensor, vividness: float | None) -> Tensor:
    """What a generator makes of lightness, (N, 1, H, W): 8-bit sRGB, (N, 3, H, W), [0, 255]."""
    ab = model.colorize(lightness, None, vividness).float()
    if ab.shape[-2:] != lightness.shape[-2:]:
        ab = F.interpolate(ab, size=lightness.shape[-2:], mode="bicubic")
    return join_clipped(lightness, ab)


@torch.inference_mode()
def validate(
    model: Generator,
    photos: PhotoSet,
    indices: Sequence[int],
    size: int,
    vividness: Sequence[float] = (),
    device: torch.device | None = None,
    should_stop: Callable[[], bool] = lambda: False,
) -> dict[str, float]:
    """Figures on centre crops of held-out photos, means over the pictures.

    Args:
        model: in eval mode, on the device.
        photos: where the held-out photos are.
        indices: their numbers.
        size: side of the crops, pixels.
        vividness: levels at which a network that has that is measured too.
        device: of the model.
        should_stop: asked between batches; then what was measured so far is what is told.

    Returns:
        `psnr`, `ssim` and `colorfulness` at the network's default, `psnr@V` and `colorfulness@V` at each level, and
        what grey scores (`grey_psnr`, `grey_ssim`) and the truth has (`truth_colorfulness`). Empty without photos.
    """
    sums: dict[str, Tensor] = {}
    measured = 0
    for truth in truths(photos, indices, size, device or torch.device("cpu")):
        if measured and should_stop():
            break
        measured += len(truth)
        lightness, _ = split(truth / 255)
        grey = join_clipped(lightness, torch.zeros_like(lightness).expand(-1, 2, -1, -1))
        preds = default = predicted(model, lightness, None)
        found = {
            "psnr": psnr(preds, truth),
            "colorfulness": colorfulness(preds),
            "grey_psnr": psnr(grey, truth),
            "truth_colorfulness": colorfulness(truth),
        }
        if size >= _SMALLEST_SSIM:
            found |= {"ssim": ssim(preds, truth), "grey_ssim": ssim(grey, truth)}
        own = getattr(model, "vividness", None)
        for v in vividness:
            preds = default if v == own else predicted(model, lightness, v)
            found[f"psnr@{v:g}"], found[f"colorfulness@{v:g}"] = psnr(preds, truth), colorfulness(preds)
        for key, value in found.items():
            limit = value.clamp_max(_MOST_DB) if "psnr" in key else value
            sums[key] = sums.get(key, torch.zeros((), device=value.device)) + limit.sum()
    return {key: float(value) / measured for key, value in sums.items()}


@torch.inference_mode()
def sheet(
    model: Generator, photos: PhotoSet, indices: Sequence[int], size: int, device: torch.device
) -> NDArray[np.uint8] | None:
    """Rows of grey | predicted | truth, one a photo: sRGB, (rows * size, 3 * size, 3); None without photos."""
    rows: list[Tensor] = []
    for truth in truths(photos, indices, size, device):
        lightness, _ = split(truth / 255)
        grey = join_clipped(lightness, torch.zeros_like(lightness).expand(-1, 2, -1, -1))
        rows += list(torch.cat((grey, predicted(model, lightness, None), truth), 3))
    if not rows:
        return None
    return torch.cat(rows, 1).permute(1, 2, 0).byte().cpu().numpy()


def encode_png(rgb: NDArray[np.uint8]) -> bytes:
    """A picture, sRGB, (H, W, 3), as PNG."""
    return cv2.imencode(".png", cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR))[1].tobytes()
