"""Two small networks that look at a photo as a whole: the light that lies on it, and whether it is a negative.

In:  a copy of a photo, (H, W) float32, [0, 1]
Out: the logarithm of the light, (32, 32); the log odds of a negative

Their numbers lie in `assets/light.safetensors`; tests/benchmarks/fit_light.py fits them, and says how well they do on
photos that it has not seen. They are small enough for numpy: a photo takes a few milliseconds.
"""

from __future__ import annotations

from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray
from safetensors import safe_open

from colorize_cli.models.registry import Bundled
from colorize_cli.models.weights import bundled

Plane = NDArray[np.float32]

SIDE = 64  # pixels a side of what they see
FINE = 256  # pixels a side of the copy on which it is seen what lies within each of these
SPILLED = 128  # the same for stains: photos of that size have taught it
DARK = np.float32(0.03)  # what is added before the logarithm is taken
_FLAT = np.float32(0.005)  # the same of a deviation
_NEAR = 5  # pixels a side in which the lightest is looked for
_GRID = 32  # places a side at which the light is told
_LOWEST, _HIGHEST = 0.01, 0.99  # quantiles that become 0 and 1 for the second network


def _surfaces() -> Plane:
    """Orthonormal surfaces of second degree without a mean over the grid of the light, (1024, 5)."""
    along = np.linspace(-1, 1, _GRID)
    x, y = (one.ravel() for one in np.meshgrid(along, along))
    basis, _ = np.linalg.qr(np.stack((np.ones_like(x), x, y, x * x, x * y, y * y), 1))
    return np.asarray(basis[:, 1:], np.float32)


SURFACES = _surfaces()


@cache
def _parts() -> dict[str, Plane]:
    with safe_open(bundled(Bundled("light.safetensors")).path, "np") as file:
        return {key: file.get_tensor(key).astype(np.float32) for key in file.keys()}  # noqa: SIM118 - no mapping


def _convolved(x: Plane, name: str, stride: int = 1, last: bool = False) -> Plane:
    """One convolution over 3 x 3 pixels, (C, H, W) to (D, H / stride, W / stride), and what is below 0 cut off."""
    weight, bias = _parts()[f"{name}.weight"], _parts()[f"{name}.bias"]
    padded = np.pad(x, ((0, 0), (1, 1), (1, 1)), "edge")
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), (1, 2))[:, ::stride, ::stride]
    out = np.einsum("chwij,dcij->dhw", windows, weight, optimize=True) + bias[:, None, None]
    return np.asarray(out if last else np.maximum(out, 0), np.float32)


def light_input(plane: Plane, fine: int = FINE) -> Plane:
    """What the first network sees: means, what is lightest and darkest about each of them, and how rough it is.

    White stays white under even light, and grain is as rough everywhere: both tell of the light.

    Args:
        plane: (H, W), [0, 1].
        fine: pixels a side of the copy on which it is seen what lies within each of them.

    Returns:
        (6, 64, 64).
    """
    small, cell = _seen(plane), fine // SIDE
    cells = _at_side(plane, fine).reshape(SIDE, cell, SIDE, cell)
    lightest, darkest, rough = cells.max((1, 3)), cells.min((1, 3)), cells.std((1, 3))
    around = cv2.dilate(lightest, np.ones((_NEAR, _NEAR), np.uint8))
    logs = [np.log(one + DARK) for one in (lightest, darkest, around)]
    return np.stack((np.log(small + DARK), small, *logs, np.log(rough + _FLAT))).astype(np.float32)


def _at_side(plane: Plane, side: int) -> Plane:
    return np.asarray(cv2.resize(plane, (side, side), interpolation=cv2.INTER_AREA), np.float32)


def _seen(plane: Plane) -> Plane:
    return _at_side(plane, SIDE)


def log_light(plane: Plane) -> Plane:
    """Estimate the light that lies on a photo beside what the photo shows.

    Args:
        plane: (H, W), [0, 1].

    Returns:
        (32, 32), the natural logarithm, of mean 0; the mean of what is found on the photo and on it mirrored both ways.
    """
    return smoothed(_mean_of_views(light_input(plane), "light"), _parts()["surfaces"])


def log_stains(plane: Plane) -> Plane:
    """Estimate what was spilled on a photo.

    Args:
        plane: (H, W), [0, 1].

    Returns:
        (32, 32), the natural logarithm of what the stains leave of the light; at most 0.
    """
    return np.minimum(_mean_of_views(light_input(plane, SPILLED), "stains"), np.float32(0))


def _mean_of_views(seen: Plane, name: str) -> Plane:
    found = np.zeros((_GRID, _GRID), np.float32)
    for turn in (np.s_[:, :], np.s_[:, ::-1], np.s_[::-1, :], np.s_[::-1, ::-1]):
        found += _light_of(seen[:, *turn], name)[turn]
    return found / np.float32(4)


def smoothed(light: Plane, shares: Plane) -> Plane:
    """Only what of the light is a surface of second degree, as a lamp's is nearly: the rest is the photo's own.

    Args:
        light: (32, 32).
        shares: (5, 5), what is taken of each surface; the identity takes all. Those in use are fitted by
            tests/benchmarks/fit_surfaces.py.
    """
    told = light.ravel() @ SURFACES
    return np.asarray((SURFACES @ (told @ shares)).reshape(light.shape), np.float32)


def _light_of(x: Plane, name: str) -> Plane:
    skips = list[Plane]()
    for number in range(4):
        x = _convolved(x, f"{name}.{number}", 2)
        skips.append(x)
    x = _convolved(x, f"{name}.4")
    for number, skip in zip((5, 6, 7), skips[2::-1], strict=True):
        x = _convolved(np.concatenate((x.repeat(2, 1).repeat(2, 2), skip)), f"{name}.{number}")
    return np.asarray(_convolved(x, f"{name}.8", last=True)[0], np.float32)


def negative_odds(plane: Plane) -> float:
    """The log odds that what a picture shows is a negative.

    Args:
        plane: (H, W), [0, 1], without margins.
    """
    small = _seen(plane)
    low, high = np.quantile(small, (_LOWEST, _HIGHEST))
    shown = np.clip((small - low) / max(float(high - low), 0.05), 0, 1).astype(np.float32)
    return (_polarity(shown) - _polarity(1 - shown)) / 2  # what it thinks of both is more often right


def _polarity(shown: Plane) -> float:
    x = shown[None]
    for number in range(4):
        x = _convolved(x, f"polarity.{number}", 2)
    return float(_convolved(x, "polarity.4", last=True).mean())
