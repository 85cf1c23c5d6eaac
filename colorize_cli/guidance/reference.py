"""The colors of a color photo, carried to a grey one by lightness and texture (Welsh 2002); and what references are.

In:  lightness, (h, w), [0, 100]; references: lightness and ab of color photos, any size
Out: ab, (2, h, w), Lab units
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from colorize_cli.errors import ShapeError
from colorize_cli.guidance.descriptors import Floats, jittered_grid, local_sd

SAMPLES = 256  # the paper takes about 200
_BINS = 64  # of the lightness histogram that tells which reference is near


@dataclass(frozen=True)
class Reference:
    """A color photo to take colors from.

    Attributes:
        lightness: CIE L*, (h, w), float32, [0, 100].
        ab: CIE a* and b*, (2, h, w), float32, Lab units.
    """

    lightness: Floats
    ab: Floats

    def __post_init__(self) -> None:
        if self.lightness.ndim != 2 or self.ab.shape != (2, *self.lightness.shape):
            raise ShapeError(f"a reference of shapes {self.lightness.shape} and {self.ab.shape} does not fit")

    def reduced(self, area: int) -> Reference:
        """This reference with at most `area` pixels, by area averaging."""
        h, w = reduced_size(self.lightness.shape[0], self.lightness.shape[1], area)
        if (h, w) == self.lightness.shape:
            return self
        planes = [cv2.resize(p, (w, h), interpolation=cv2.INTER_AREA) for p in (self.lightness, *self.ab)]
        return Reference(planes[0].astype(np.float32), np.stack(planes[1:]).astype(np.float32))


def reduced_size(h: int, w: int, area: int) -> tuple[int, int]:
    """The size of the same aspect with at most `area` pixels; never enlarged, at least 1 x 1."""
    scale = min(1.0, (area / (h * w)) ** 0.5)
    if scale == 1.0:
        return h, w
    return max(1, int(h * scale)), max(1, int(w * scale))


def nearest_references(lightness: Floats, references: Sequence[Reference], count: int = 3) -> tuple[Reference, ...]:
    """The `count` references whose tones and textures are distributed most like those of `lightness`, nearest first.

    The distance is the earth mover's between the histograms of L* after a stretch to equal mean and spread, so that
    exposure does not decide, plus that of the local spread, which tells foliage from sky.
    """

    def signature(plane: Floats) -> NDArray[np.float64]:
        small = plane[:: max(1, plane.shape[0] // 256), :: max(1, plane.shape[1] // 256)]
        small = np.ascontiguousarray(small, np.float32)
        standard = (small - small.mean()) / max(float(small.std()), 1.0)
        tones = np.histogram(np.clip(standard, -3, 3), _BINS, (-3, 3))[0]
        textures = np.histogram(np.clip(local_sd(small), 0, 20), _BINS, (0, 20))[0]
        return np.concatenate([tones.cumsum(), textures.cumsum()]) / small.size

    wanted = signature(lightness)
    distances = [float(np.abs(signature(reference.lightness) - wanted).sum()) for reference in references]
    return tuple(references[i] for i in np.argsort(distances, kind="stable")[:count])


def match_lightness(lightness: Floats, to: Floats) -> Floats:
    """Shift and stretch L* to the mean and spread of `to`: any shapes; the result has `lightness`'s, unclipped.

    Source: the luminance remapping of Hertzmann 2001, which Welsh 2002 uses: linear, since matching whole histograms
    bends tones where the two photos hold different shares of sky.
    """
    # a flat plane has no spread to stretch: it is only shifted
    stretch = float(to.std()) / float(lightness.std()) if lightness.std() > 1e-3 else 1.0
    return np.asarray((lightness - lightness.mean()) * stretch + to.mean(), np.float32)


def welsh(lightness: Floats, references: Sequence[Reference], seed: int = 0, samples: int = SAMPLES) -> Floats:
    """Give each pixel the color of the reference's sample nearest in lightness and local spread, half and half.

    Args:
        lightness: CIE L*, (h, w), [0, 100]; a photo is best reduced to 1 megapixel.
        references: at least one; of several, the three nearest are pooled.
        seed: of the jittered grid that samples are drawn from.
        samples: how many are drawn over all references.

    Returns:
        ab, (2, h, w), float32, Lab units: each a color of the reference.

    Source: Welsh, Ashikhmin, Mueller 2002, without swatches; window 5 x 5.
    """
    rng = np.random.default_rng(seed)
    pool = [reference.reduced(512 * 512) for reference in nearest_references(lightness, references)]
    keys, colors = [], []
    for reference in pool:
        at = jittered_grid(reference.lightness.shape[:2], max(1, samples // len(pool)), rng)
        # the reference's tones are brought to the photo's, each on its own: two references differ in exposure too
        tones = match_lightness(reference.lightness, lightness)
        keys.append(np.stack([tones.ravel()[at], local_sd(tones).ravel()[at]], 1))
        colors.append(reference.ab.reshape(2, -1).T[at])
    from scipy.spatial import cKDTree  # SciPy loads where somebody guides

    tree = cKDTree(np.concatenate(keys))
    wanted = np.stack([lightness.ravel(), local_sd(lightness).ravel()], 1)
    _, nearest = tree.query(wanted)
    return np.ascontiguousarray(np.concatenate(colors)[nearest].T.reshape(2, *lightness.shape), np.float32)
