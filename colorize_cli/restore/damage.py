"""Find dust, hairs and scratches, and fill them from what is around.

In:  lightness as it is coded, (H, W) float32, [0, 1]
Out: where it is damaged; the plane with these places filled

A small network looks at a copy of the photo on which the damage has the sizes that it learned (`data.degradations`).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from safetensors import safe_open

from colorize_cli.errors import WeightsError
from colorize_cli.models.onnx.damage_graph import damage_graph
from colorize_cli.models.registry import Bundled
from colorize_cli.models.weights import bundled
from colorize_cli.restore.damage_parts import parts_of
from colorize_cli.restore.film_frames import in_frame

Plane = NDArray[np.float32]
Mask = NDArray[np.bool_]

SIDE = 1600  # pixels of the longer side, at most, of the copy that is looked at
_MULTIPLE = 16
_TILE, _OVERLAP = 512, 64  # pixels of the copy that are looked at at once, and that tiles share
_OFTEN = ((600_000, 3), (1_200_000, 2))  # pixels up to which all of so many of `_VIEWS` are taken; else the first
_NARROW, _SHARE = 0.7, 0.002  # range of tones below which they are spread; share of pixels beyond it at each end
_WIDE, _GAIN = 0.86, 3.0  # the range then, as the network saw it in training; factor at most: grain is spread, too
_DAMAGE, _PIXEL = 0.5, 0.5  # odds from which a place of likely pixels is damage, and which a pixel of it needs
_CERTAIN, _MORE = 0.98, 0.8  # probabilities of damage that a photo is called damaged for: somewhere, and to its end
_FIELDS, _SOME, _SPREAD = 8, 0.0004, 0.25  # fields a side; share of one that is damaged; share of them that must be
_RADIUS = 3  # pixels around a hole that fill it
RIM, WIDE_RIM = 0.3, 1.5  # shares of damage up to which a rim's pixel is filled; where a mask is of a smaller copy
_LEAST_RIM, _FAINT = 0.22, 0.02  # share from which it is; difference of damage that is too little to tell by


_VIEWS: tuple[Callable[[Plane], Plane], ...] = (  # each undoes itself
    lambda plane: plane[::-1, ::-1],
    lambda plane: plane[:, ::-1],
    lambda plane: plane.T,
)


class DamageFinder:
    """The bundled network, ready to run; may be asked in many threads at once.

    Args:
        tensors: of `damagenet.DamageNet`.

    Raises:
        WeightsError: they are not those of that network.
    """

    def __init__(self, tensors: dict[str, NDArray[Any]]) -> None:
        import onnxruntime  # loads for a while, and starts a thread

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 4
        try:
            graph = damage_graph(tensors, "colorize-cli")
        except KeyError as error:
            raise WeightsError(f"the weights of the damage network lack, or have too much: {error}") from error
        self._session = onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])

    def probabilities(self, plane: Plane) -> Plane:
        """How likely each pixel is damaged.

        Args:
            plane: (H, W), [0, 1]; at most `SIDE` pixels a side.

        Returns:
            (H, W), [0, 1]; the mean of what it says of the plane as it is and turned by half; of a small one, which
            costs little, mirrored and turned by a quarter, too.
        """
        return self._mean(plane, next((count for most, count in _OFTEN if plane.size <= most), 1))

    def _mean(self, plane: Plane, views: int) -> Plane:
        if not views:
            return self._once(plane)
        view = _VIEWS[views - 1]
        return np.asarray(
            (self._mean(plane, views - 1) + view(self._mean(np.ascontiguousarray(view(plane)), views - 1))) / 2,
            np.float32,
        )

    def _once(self, plane: Plane) -> Plane:
        height, width = plane.shape
        bottom, right = -height % _MULTIPLE, -width % _MULTIPLE
        padded = cv2.copyMakeBorder(plane * np.float32(100), 0, bottom, 0, right, cv2.BORDER_REFLECT_101)
        found = np.empty(padded.shape, np.float32)
        for top in range(0, padded.shape[0], _TILE):
            first, last = max(0, top - _OVERLAP), min(padded.shape[0], top + _TILE + _OVERLAP)
            (part,) = self._session.run(["damage"], {"lightness": padded[None, None, first:last]})
            rows = min(_TILE, padded.shape[0] - top)
            found[top : top + rows] = part[0, 0, top - first : top - first + rows]
        return found[:height, :width]


@lru_cache(maxsize=1)
def bundled_finder() -> DamageFinder:
    """The network that comes with the package.

    Raises:
        WeightsError: its file is missing or corrupt.
    """
    with safe_open(bundled(Bundled("restore.safetensors")).path, "np") as file:
        return DamageFinder({key: file.get_tensor(key) for key in file.keys()})  # noqa: SIM118 - no mapping


def find_damage(copy: Plane, finder: DamageFinder) -> tuple[Mask, float]:
    """Find the damage of a photo.

    Args:
        copy: the photo, of at most `SIDE` pixels a side.
        finder: the network.

    Returns:
        Where it is damaged, on the copy; and the share of it that certainly is, 0 where all that is in a few places:
        dust falls everywhere, and what is like it, a fence or a page of print, stands somewhere.
    """
    copy = _spread(copy)
    likely = finder.probabilities(copy)
    parts = parts_of(copy, likely)
    odds = parts.odds()
    damaged = (odds > _DAMAGE) & ~in_frame(copy, parts.labels, len(odds))
    mask = np.concatenate(([False], damaged))[parts.labels] & (likely > _PIXEL)
    certain = (_grown(likely, _MORE, _CERTAIN) & mask).astype(np.float32)
    fields = cv2.resize(certain, (_FIELDS, _FIELDS), interpolation=cv2.INTER_AREA)
    spread = float((fields > _SOME).mean()) >= _SPREAD
    return np.asarray(mask, bool), float(certain.mean()) if spread else 0.0


def _spread(copy: Plane) -> Plane:
    """A faded photo with its tones as far apart as those of others, so that its damage can be seen."""
    low, high = (float(one) for one in np.quantile(copy, (_SHARE, 1 - _SHARE)))
    if high - low >= _NARROW:
        return copy
    gain = min(_GAIN, _WIDE / max(high - low, 1e-6))
    return np.asarray(np.clip((copy - (low + high) / 2) * gain + 0.5, 0, 1), np.float32)


def _grown(likely: Plane, least: float, somewhere: float) -> Mask:
    """Connected places that are at least so likely, and more so somewhere."""
    count, labels = cv2.connectedComponents((likely > least).astype(np.uint8), connectivity=8)
    sure = np.zeros(count, bool)
    sure[np.unique(labels[likely > somewhere])] = True
    sure[0] = False
    return np.asarray(sure[labels], bool)


def filled(plane: Plane, mask: Mask, rim: Mask | None = None, most: float = RIM) -> Plane:
    """Fill the masked places from their surroundings (Telea: An Image Inpainting Technique, 2004).

    Args:
        plane: (H, W), [0, 1].
        mask: (H, W).
        rim: what lies around the mask and may be covered in part: filled is what differs from its surroundings as the
            damage beside it does.
        most: share of that difference up to which it is filled.

    Returns:
        (H, W); as it was but for the mask, and some of the rim.
    """
    if not mask.any():
        return plane
    if rim is not None:
        plane = np.where(rim & _covered(plane, mask, rim, most), _inpainted(plane, mask | rim), plane)
    return np.where(mask, _inpainted(plane, mask), plane)


def _covered(plane: Plane, mask: Mask, rim: Mask, most: float) -> Mask:
    beyond = plane - _inpainted(plane, mask | rim)
    beside = _mean_around(np.where(mask, beyond, 0)) / np.maximum(_mean_around(mask.astype(np.float32)), 1e-6)
    share = beyond / np.where(np.abs(beside) < _FAINT, np.inf, beside)
    return np.asarray((share > _LEAST_RIM) & (share < most))


def _mean_around(plane: Plane) -> Plane:
    return np.asarray(cv2.blur(plane, (3, 3)), np.float32)


def _inpainted(plane: Plane, mask: Mask) -> Plane:
    coded = np.clip(plane * 65535, 0, 65535).round().astype(np.uint16)
    filled = cv2.inpaint(coded, mask.astype(np.uint8), _RADIUS, cv2.INPAINT_TELEA)
    return np.asarray(filled.astype(np.float32) / np.float32(65535), np.float32)
