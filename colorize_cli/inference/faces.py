"""Find faces by YuNet, restore each by GFPGAN, and blend them back; their lightness alone.

In:  lightness of a page, and a copy of it to find faces on
Out: the lightness with its faces restored; how many there were

Source: Wu et al.: YuNet, a tiny millisecond-level face detector, 2023; Wang et al.: Towards real-world blind face
restoration with generative facial prior, 2021. The five places that a face is aligned to are FFHQ's at 512 pixels.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from colorize_cli.color.pixels import reduced
from colorize_cli.errors import OutOfMemoryError, PredictionError, WeightsError
from colorize_cli.inference.lightness_networks import lightness_of_answer
from colorize_cli.inference.lightness_planes import LightnessPlane
from colorize_cli.inference.predictor import is_out_of_memory
from colorize_cli.models.registry import Task
from colorize_cli.models.restoration_networks import restoration_networks
from colorize_cli.models.spandrel_file import load_network
from colorize_cli.models.weights import fetch

if TYPE_CHECKING:
    import torch
    from spandrel import ImageModelDescriptor

Plane = NDArray[np.float32]
Places = NDArray[np.float32]

SIDE = 512  # pixels of a face as the network sees it
_EYES = ((192.98138, 239.94708), (318.90277, 240.1936))
_BELOW = ((256.63416, 314.01935), (201.26117, 371.41043), (313.08905, 371.15118))  # nose, corners of the mouth
_TEMPLATE = np.array((*_EYES, *_BELOW), np.float32)
_SEEN = 1280  # pixels of the longer side of the copy on which faces are found
_SURE = 0.8  # least score of a face
_RIM, _SOFT = 48, 16.0  # pixels of a face's picture that stay out, and over which it fades
_LARGEST = 2.0  # pixels of the photo that one of the network's may cover: of larger faces it would blur


class FaceFinder:
    """OpenCV's detector; may be used in many threads, one of which it serves at a time.

    Args:
        graph: YuNet's ONNX file.

    Raises:
        WeightsError: it is no such graph.
    """

    def __init__(self, graph: Path) -> None:
        try:
            self._detector = cv2.FaceDetectorYN.create(str(graph), "", (320, 320), _SURE)
        except cv2.error as error:
            raise WeightsError("yunet is no graph that OpenCV takes", hint="Pull it again.") from error
        self._lock = Lock()

    def find(self, copy: Plane) -> list[Places]:
        """The eyes, the nose and the corners of the mouth of each face, (5, 2), x and y in pixels of the copy.

        Args:
            copy: (H, W), [0, 1].
        """
        small = reduced(copy, _SEEN)
        grey = np.clip(255 * small, 0, 255).astype(np.uint8)
        with self._lock:
            self._detector.setInputSize(grey.shape[::-1])
            _, faces = self._detector.detect(cv2.cvtColor(grey, cv2.COLOR_GRAY2BGR))
        across, down = copy.shape[1] / small.shape[1], copy.shape[0] / small.shape[0]
        scale = np.array((across, down), np.float32)
        return [] if faces is None else [face[4:14].reshape(5, 2).astype(np.float32) * scale for face in faces]


class FaceRestorer:
    """Finds and restores faces; may be used in many threads, one of which it serves at a time.

    Args:
        finder: finds them.
        restore: lightness of an aligned face, (512, 512), [0, 1], to the same restored.
        weight: share of the restored face, [0, 1].
    """

    def __init__(self, finder: FaceFinder, restore: Callable[[Plane], Plane], weight: float) -> None:
        self.finder, self.restore, self.weight = finder, restore, weight
        self._lock = Lock()

    def run(self, plane: LightnessPlane, copy: Plane) -> int:
        """Restore the faces of a page in its place.

        Args:
            plane: the page.
            copy: the same, of any size.

        Returns:
            How many.
        """
        scale = np.array((plane.width / copy.shape[1], plane.height / copy.shape[0]), np.float32)
        count = 0
        for places in self.finder.find(copy):
            count += self._face(plane, (places + np.float32(0.5)) * scale - np.float32(0.5))
        return count

    def _face(self, plane: LightnessPlane, places: Places) -> bool:
        found, _ = cv2.estimateAffinePartial2D(places, _TEMPLATE, method=cv2.LMEDS)
        if found is None or not np.isfinite(found).all() or np.hypot(*found[0, :2]) * _LARGEST < 1:
            return False
        corners = np.array(((0, 0), (SIDE, 0), (0, SIDE), (SIDE, SIDE)), np.float64)
        back = cv2.invertAffineTransform(found)
        on_page = corners @ back[:, :2].T + back[:, 2]
        (left, top), (right, bottom) = np.floor(on_page.min(0)).astype(int), np.ceil(on_page.max(0)).astype(int) + 1
        left, top = max(0, left), max(0, top)
        right, bottom = min(plane.width, right), min(plane.height, bottom)
        if right - left < 8 or bottom - top < 8:
            return False
        with self._lock:
            rows = plane.rows(top, bottom - top)
            part = rows[:, left:right]
            matrix = found.copy()
            matrix[:, 2] += matrix[:, :2] @ (left, top)
            shrink = np.hypot(*matrix[0, :2]) < 1
            soft = cv2.GaussianBlur(part, (0, 0), 0.5 / float(np.hypot(*matrix[0, :2]))) if shrink else part
            face = cv2.warpAffine(soft, matrix, (SIDE, SIDE), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)
            change = (self.restore(np.asarray(face, np.float32)) - face) * _window()
            size = (right - left, bottom - top)
            rows[:, left:right] = part + np.float32(self.weight) * cv2.warpAffine(
                change, matrix, size, flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
            )
            plane.write(top, rows)
        return True


def _window() -> Plane:
    inside = np.zeros((SIDE, SIDE), np.float32)
    inside[_RIM:-_RIM, _RIM:-_RIM] = 1
    return np.asarray(cv2.GaussianBlur(inside, (0, 0), _SOFT), np.float32)


class _Network:
    """GFPGAN at work, without its noise: the same face gives the same answer."""

    def __init__(self, network: ImageModelDescriptor, device: torch.device) -> None:
        self._network, self._device = network.to(device), device

    def __call__(self, face: Plane) -> Plane:
        import torch

        x = torch.from_numpy(2 * face - 1).to(self._device).expand(1, 3, -1, -1).contiguous()
        try:
            with torch.inference_mode():
                answer = self._network.model(x, return_rgb=False, randomize_noise=False)[0]
        except (MemoryError, RuntimeError) as error:
            if not is_out_of_memory(error):
                raise PredictionError(f"the network gfpgan fails: {error}".partition("\n")[0]) from error
            if self._device.type == "cpu":
                raise OutOfMemoryError("out of memory in gfpgan", hint="Close other programs.") from error
            self._device = torch.device("cpu")
            self._network.to(self._device)
            return self(face)
        found = lightness_of_answer((answer + 1) / 2)[0]
        if not np.isfinite(found).all():
            raise PredictionError("the network gfpgan answers with values that are no numbers (NaN)")
        return np.asarray(np.clip(found, 0, 1), np.float32)


def load_face_restorer(
    device: torch.device, weight: float, on_download: Callable[[int, int], None] | None = None
) -> FaceRestorer:
    """YuNet and GFPGAN, pulled where they are not here yet.

    Raises:
        WeightsError: they are not to be had.
    """
    finder = FaceFinder(fetch(restoration_networks()["yunet"], on_download).path)
    return FaceRestorer(finder, _Network(load_network("gfpgan", Task.faces, on_download), device), weight)
