"""How good a generator is on held-out photos, and a sheet that shows it.

In:  a `Colorizer` of the generator, held-out photos
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
from colorize_cli.models.catalog import network
from colorize_cli.models.generator import Generator
from colorize_cli.models.load import LoadedModel
from colorize_cli.pipeline.colorizer import Colorizer
from colorize_cli.training.config import TrainConfig

SHEET_SIDE = 128  # pixels of a sheet's pictures, at most
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


def colorizer_of(model: Generator, config: TrainConfig, device: torch.device, pictures: int) -> Colorizer:
    """A `Colorizer` of a generator as it stands now.

    Args:
        model: the generator, which is copied.
        config: says which network it is.
        device: where it runs.
        pictures: how many will be asked for.
    """
    loaded = LoadedModel(config.generator, network(config.generator), model, sha256="")
    return Colorizer.of(loaded, device, max(1, min(pictures, _BATCH)))


def predicted(colorizer: Colorizer, lightness: Tensor, vividness: float | None) -> Tensor:
    """What a generator makes of lightness, (N, 1, H, W): 8-bit sRGB, (N, 3, H, W), [0, 255].

    Raises:
        PredictionError: its answer holds NaN or infinity.
    """
    planes = lightness[:, 0].cpu().numpy()
    found = colorizer.chroma(planes, vividness=vividness, as_is=True)
    ab = torch.from_numpy(np.stack(found)).to(lightness.device)
    if ab.shape[-2:] != lightness.shape[-2:]:
        ab = F.interpolate(ab, size=lightness.shape[-2:], mode="bicubic")
    return join_clipped(lightness, ab)


@torch.inference_mode()
def validate(
    model: Generator,
    photos: PhotoSet,
    indices: Sequence[int],
    config: TrainConfig,
    device: torch.device,
    levels: Sequence[float] = (),
    should_stop: Callable[[], bool] = lambda: False,
) -> dict[str, float]:
    """Figures on centre crops of held-out photos, means over the pictures.

    Args:
        model: the generator.
        photos: where the held-out photos are.
        indices: their numbers.
        config: says which network it is, and the side of the crops.
        device: of the model.
        levels: of vividness, at which a network that has that is measured too.
        should_stop: asked between batches; then what was measured so far is what is told.

    Returns:
        `psnr`, `ssim` and `colorfulness` at the network's default, `psnr@V` and `colorfulness@V` at each level, and
        what grey scores (`grey_psnr`, `grey_ssim`) and the truth has (`truth_colorfulness`). Empty without photos.
    """
    size, reading, colorizer = config.val_size, model.reading, colorizer_of(model, config, device, len(indices))
    sums: dict[str, Tensor] = {}
    measured = 0
    for truth in truths(photos, indices, size, device):
        if measured and should_stop():
            break
        measured += len(truth)
        lightness, _ = split(truth / 255)
        grey = join_clipped(lightness, torch.zeros_like(lightness).expand(-1, 2, -1, -1))
        preds = default = predicted(colorizer, lightness, None)
        found = {
            "psnr": psnr(preds, truth),
            "colorfulness": colorfulness(preds),
            "grey_psnr": psnr(grey, truth),
            "truth_colorfulness": colorfulness(truth),
        }
        if size >= _SMALLEST_SSIM:
            found |= {"ssim": ssim(preds, truth), "grey_ssim": ssim(grey, truth)}
        for v in levels:
            preds = default if reading is not None and v == reading.default else predicted(colorizer, lightness, v)
            found[f"psnr@{v:g}"], found[f"colorfulness@{v:g}"] = psnr(preds, truth), colorfulness(preds)
        for key, value in found.items():
            limit = value.clamp_max(_MOST_DB) if "psnr" in key else value
            sums[key] = sums.get(key, torch.zeros((), device=value.device)) + limit.sum()
    return {key: float(value) / measured for key, value in sums.items()}


@torch.inference_mode()
def sheet(
    model: Generator, photos: PhotoSet, indices: Sequence[int], config: TrainConfig, device: torch.device
) -> NDArray[np.uint8] | None:
    """Rows of grey | predicted | truth, one a photo: sRGB, (rows * side, 3 * side, 3); None without photos."""
    rows: list[Tensor] = []
    colorizer = colorizer_of(model, config, device, len(indices))
    for truth in truths(photos, indices, min(config.val_size, SHEET_SIDE), device):
        lightness, _ = split(truth / 255)
        grey = join_clipped(lightness, torch.zeros_like(lightness).expand(-1, 2, -1, -1))
        rows += list(torch.cat((grey, predicted(colorizer, lightness, None), truth), 3))
    if not rows:
        return None
    return torch.cat(rows, 1).permute(1, 2, 0).byte().cpu().numpy()


def encode_png(rgb: NDArray[np.uint8]) -> bytes:
    """A picture, sRGB, (H, W, 3), as PNG."""
    return cv2.imencode(".png", cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR))[1].tobytes()
