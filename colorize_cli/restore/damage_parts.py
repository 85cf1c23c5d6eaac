"""Tell damage from what is only like it, by each connected place as a whole: its shape, its contrast, what is around.

In:  lightness as it is coded, (H, W) float32, [0, 1], and how likely each pixel is damaged
Out: the odds of each connected place of likely pixels

A network of one hidden layer, whose numbers lie in `assets/parts.safetensors`; tests/benchmarks/fit_parts.py fits them.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from safetensors import safe_open

from colorize_cli.models.registry import Bundled
from colorize_cli.models.weights import bundled

Plane = NDArray[np.float32]

LIKELY = 0.5  # probability from which pixels form places
_GROWN, _RADIUS = 5, 3  # pixels around a place that are no ground; pixels that tell what is beneath it
_NEAR, _ROUGH = 61, 15  # pixels a side in which other likely places, and rough ground, are looked for
_LEAST = np.float32(0.05)  # contrast that damage can have on any ground, at least


@dataclass(frozen=True)
class Parts:
    """Connected places of likely damage.

    Attributes:
        labels: (H, W): the place's number, from 1 on; 0 for none.
        features: (n, k), of each place, see `parts_of`.
    """

    labels: NDArray[np.int32]
    features: Plane

    def odds(self) -> Plane:
        """How likely each place is damage, (n,), [0, 1]."""
        numbers = _numbers()
        hidden = np.maximum(
            ((self.features - numbers["mean"]) / numbers["deviation"]) @ numbers["in"] + numbers["b"], 0
        )
        return np.asarray(1 / (1 + np.exp(-(hidden @ numbers["out"] + numbers["c"])[:, 0])), np.float32)


@cache
def _numbers() -> dict[str, Plane]:
    with safe_open(bundled(Bundled("parts.safetensors")).path, "np") as file:
        return {key: file.get_tensor(key).astype(np.float32) for key in file.keys()}  # noqa: SIM118 - no mapping


def parts_of(plane: Plane, likely: Plane) -> Parts:
    """Find the connected places, and measure them.

    Args:
        plane: (H, W), [0, 1].
        likely: (H, W), how likely each pixel is damaged.
    """
    mask = (likely > LIKELY).astype(np.uint8)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
    at = np.flatnonzero(labels)
    of: NDArray[np.int64] = np.asarray(labels.ravel()[at], np.int64) - 1
    area = stats[1:, cv2.CC_STAT_AREA].astype(np.float64)

    def mean(values: NDArray[Any]) -> NDArray[np.float64]:
        return np.bincount(of, values, count - 1) / area

    def most(values: NDArray[Any]) -> NDArray[np.float64]:
        found = np.full(count - 1, -np.inf)
        np.maximum.at(found, of, values)
        return found

    def picked(values: NDArray[Any]) -> NDArray[np.float64]:
        return np.asarray(values.ravel()[at], np.float64)

    hidden = cv2.dilate(mask, np.ones((_GROWN, _GROWN), np.uint8))
    coded = np.clip(plane * 255, 0, 255).round().astype(np.uint8)
    ground = cv2.inpaint(coded, hidden, _RADIUS, cv2.INPAINT_TELEA).astype(np.float32) / np.float32(255)
    slope = np.hypot(cv2.Sobel(ground, cv2.CV_32F, 1, 0), cv2.Sobel(ground, cv2.CV_32F, 0, 1))
    rough = cv2.blur(slope, (_ROUGH, _ROUGH))
    crowd = cv2.blur(likely, (_NEAR, _NEAR))

    value, below, chance = picked(plane), picked(ground), picked(likely)
    beyond = value - below
    cover = np.clip(beyond / np.where(beyond > 0, np.maximum(1 - below, _LEAST), np.maximum(below, _LEAST)), -1.5, 1.5)
    white = (beyond > 0).astype(np.float64)
    side = np.where(mean(beyond) > 0, 1.0, -1.0)
    same = side[of]
    usual = float((white * chance).sum() / max(float(chance.sum()), 1e-6))

    rows, columns = np.divmod(at, plane.shape[1])
    down, right = rows - mean(rows)[of], columns - mean(columns)[of]
    yy, xx, xy = mean(down * down) + 1 / 12, mean(right * right) + 1 / 12, mean(down * right)
    spread = np.sqrt(np.square((yy - xx) / 2) + np.square(xy))
    long = np.sqrt(12 * ((yy + xx) / 2 + spread))
    thin = np.sqrt(12 * np.maximum((yy + xx) / 2 - spread, 1 / 12))
    features = (
        np.log(area),
        np.log(long),
        np.log(long / thin),
        area / (long * thin),
        np.log(area / long),
        most(chance),
        mean(chance),
        mean(np.abs(cover)),
        most(np.abs(cover)),
        mean(beyond * same),
        most(beyond * same),
        np.sqrt(np.maximum(mean(value * value) - np.square(mean(value)), 0)),
        np.log(mean(picked(crowd)) + 1e-3),
        np.log(mean(picked(rough)) + 1e-3),
        side,
        np.where(side > 0, usual, 1 - usual),
        mean(below),
        np.sqrt(np.maximum(mean(below * below) - np.square(mean(below)), 0)),
        np.full(count - 1, np.log(float(likely.mean()) + 1e-4)),
        mean((beyond * same > 0).astype(np.float64)),
        np.full(count - 1, np.log(max(plane.shape) / 900)),
    )
    return Parts(np.asarray(labels, np.int32), np.stack(features, 1).astype(np.float32))
