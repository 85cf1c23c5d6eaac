"""Join a film's frames with their colors, as photos are, and code them.

In:  a film's frames; stretches of colors
Out: coded packets, in the order of decoding
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from numpy.typing import NDArray

from colorize_cli.color.edges import follow_edges
from colorize_cli.color.keep import Kept
from colorize_cli.color.merge import merge
from colorize_cli.color.spaces import BT2020, SRGB
from colorize_cli.color.tint import own_color
from colorize_cli.formats.video.av_package import load_av
from colorize_cli.formats.video.film_encoders import FilmCoding, new_encoder
from colorize_cli.formats.video.film_frames import FilmFrame
from colorize_cli.formats.video.film_info import FilmInfo, turned
from colorize_cli.formats.video.planes import pixels_of, put_rgb
from colorize_cli.formats.video.segments import Packet
from colorize_cli.inference.painting import Painter, along_edges, guide_size

if TYPE_CHECKING:
    import torch

Plane = NDArray[np.float32]

_BT2020 = 9  # ITU-T H.273's code of its primaries; those of older films look like sRGB's
_SMOOTHNESS = 36.0  # as of `follow_edges`; below it, what moves over the network's grid takes other colors


class FilmPainter:
    """Gives a film's frames their colors, one after the other.

    Args:
        info: the film.
        coding: how the result is coded.
        saturation: factor on the chroma.
        turn: quarter turns, counter-clockwise, by which the pixels themselves are turned.
        gpu: joins lightness and color, where there is one.
    """

    def __init__(
        self,
        info: FilmInfo,
        coding: FilmCoding,
        saturation: float,
        turn: int = 0,
        gpu: torch.device | None = None,
    ) -> None:
        self.info, self.coding, self.saturation, self.gpu = info, coding, saturation, gpu
        self._space = BT2020 if info.primaries == _BT2020 else SRGB
        self._turn, self._shown = turn, turned(info, turn)
        self._full = info.full_range or coding.codec == "mjpeg"

    def paint(self, frame: FilmFrame, ab: Plane | None, calm: NDArray[Any] | None, keeps: bool) -> Any:
        """A frame in color, in the layout of the result.

        Args:
            frame: as it was decoded.
            ab: (2, h, w), Lab units; None leaves it as it is.
            calm: its L* as the network sees it, without the grain.
            keeps: regions that have color of their own keep it.
        """
        info = self.info
        pixels = pixels_of(frame.picture, info.read_matrix, info.full_range)
        if ab is not None and calm is not None:
            rgb = self._colored(pixels, ab, np.asarray(calm, np.float32), keeps)
        else:
            rgb = pixels if pixels.ndim == 3 else np.repeat(pixels[..., None], 3, 2)
        layout = self.coding.pix_fmt
        if self._turn:
            rgb = np.ascontiguousarray(np.rot90(rgb, self._turn))
        if frame.interlaced and not self._turn and frame.picture.format.name == layout:
            target = frame.picture  # it says that its rows are of two moments
            target.make_writable()
        else:
            target = load_av().VideoFrame(self._shown.width, self._shown.height, layout)
        put_rgb(target, rgb, info.read_matrix, self._full)
        target.pts, target.time_base = frame.index, 1 / self.coding.rate
        target.pict_type = 0
        return target

    def _colored(self, pixels: NDArray[Any], ab: Plane, calm: Plane, keeps: bool) -> NDArray[Any]:
        size = (pixels.shape[0], pixels.shape[1])
        guide = guide_size(size, (calm.shape[0], calm.shape[1]))
        if guide[0] > calm.shape[0]:
            fine = along_edges(ab, calm, pixels, size, self._space)
        else:
            way = cv2.INTER_LINEAR if guide[1] > calm.shape[1] else cv2.INTER_AREA
            calm = np.asarray(cv2.resize(calm, guide[::-1], interpolation=way), np.float32)
            fine = follow_edges(ab, calm, _SMOOTHNESS)
        kept = Kept.of(own_color(pixels)) if keeps and pixels.ndim == 3 else None
        if kept is None and self.gpu is None:
            return merge(pixels, fine, self._space, self.saturation, rounded=False)
        if pixels.dtype == np.uint8:
            pixels = pixels * np.uint16(257)  # what is rounded to 8 bits here, and once more as YUV, flickers
        return Painter(fine, size, self._space, self.saturation, self.gpu, kept=kept).paint(0, pixels)


class SegmentCoder:
    """Codes one segment.

    Args:
        coding: how.
        info: the film.
        headers_apart: the codec's headers stand at the film's start alone.
    """

    def __init__(self, coding: FilmCoding, info: FilmInfo, headers_apart: bool) -> None:
        self._context = new_encoder(coding, info, headers_apart)
        self.packets = list[Packet]()

    def add(self, picture: Any) -> None:
        """Code a frame."""
        self._take(self._context.encode(picture))

    def finish(self) -> list[Packet]:
        """All packets."""
        self._take(self._context.encode(None))
        return self.packets

    def _take(self, coded: Iterator[Any]) -> None:
        self.packets += [Packet(packet.pts, bool(packet.is_keyframe), bytes(packet)) for packet in coded]
