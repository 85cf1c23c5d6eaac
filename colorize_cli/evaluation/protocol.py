"""The pinned way from a photo to what is compared: cut, reduce, leave grey truths out, join with the true lightness.

In:  photos, sRGB, uint8, (H, W, 3); predicted ab
Out: truths and predictions on the 8-bit scale, float32, (N, 3, H, W)
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from colorize_cli.color.merge import merge
from colorize_cli.data.dataset import MIN_CHROMA, mean_chroma
from colorize_cli.data.transforms import centre_crop
from colorize_cli.errors import UsageError

if TYPE_CHECKING:
    from torch import Tensor

SIDE = 256  # pixels
SMALLEST = 11  # SSIM's window, pixels


class Protocol(StrEnum):
    """How a photo is brought to the size at which it is compared."""

    center256 = "center256"
    resize256 = "resize256"
    native = "native"


def named_protocol(name: str) -> Protocol:
    """The protocol of that name.

    Raises:
        UsageError: there is none.
    """
    try:
        return Protocol(name)
    except ValueError:
        raise UsageError(f'no protocol "{name}"', hint=f"There are: {', '.join(Protocol)}") from None


def prepare(rgb: NDArray[np.uint8], protocol: Protocol) -> NDArray[np.uint8]:
    """Bring a photo to the size at which it is compared.

    Args:
        rgb: sRGB, (H, W, 3), any size.
        protocol: `center256` cuts the largest centered square and reduces it to 256 x 256 by area averaging;
            `resize256` stretches the whole; `native` leaves it.

    Returns:
        sRGB, (256, 256, 3), or as it came. A smaller photo is enlarged linearly.
    """
    if protocol is Protocol.native:
        return rgb
    if protocol is Protocol.center256:
        return centre_crop(rgb, SIDE)
    way = cv2.INTER_AREA if min(rgb.shape[:2]) >= SIDE else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(rgb, (SIDE, SIDE), interpolation=way), np.uint8)


def is_grey(rgb: NDArray[np.uint8]) -> bool:
    """Whether a truth, (H, W, 3), has too little color to measure anything by (mean chroma below 2)."""
    return mean_chroma(rgb) < MIN_CHROMA


def stack(pictures: list[NDArray[np.uint8]]) -> Tensor:
    """Pictures of one size, (H, W, 3) each, to (N, 3, H, W), float32, [0, 255]."""
    import torch

    return torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2).float().contiguous()


def join(truth: NDArray[np.uint8], ab: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Join predicted color with the true lightness, as `colorize` does it.

    Args:
        truth: (H, W, 3); only its lightness is used.
        ab: (2, h, w), Lab units, of any smaller size; enlarged bicubically.

    Returns:
        sRGB, (H, W, 3).
    """
    return np.asarray(merge(truth, ab), np.uint8)


def grey(lightness: Tensor) -> Tensor:
    """The prediction that knows no color: (N, 1, H, W) to a view of one channel, (N, 3, H, W), [0, 255]."""
    from colorize_cli.color.gpu import grey_from_lightness
    from colorize_cli.evaluation.pixel import quantize

    return quantize(grey_from_lightness(lightness)).expand(-1, 3, -1, -1)
