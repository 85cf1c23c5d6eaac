"""CPU time of giving 12 megapixels of 8-bit grey their color, by several methods, in one run.

    python tests/benchmarks/merge.py [PHOTO]

Each method colors the same grainy grey photo with the same low-resolution ab on one thread. Printed: CPU seconds, the
ratio to `merge`, the 99th percentile of the difference from the reference and the largest change of L*, over a part of
the photo. The method that JPEGs take, luma at full and chroma at half size, is decoded as a viewer does.
Methods that the package does not use are kept here only, so that the choice can be made again.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from colorize_cli.color import gamut, tables
from colorize_cli.color import merge as merging
from colorize_cli.color.gpu import split
from colorize_cli.color.luma import merge_luma
from colorize_cli.color.merge import merge
from colorize_cli.color.pixels import lightness_of
from colorize_cli.color.spaces import SRGB
from colorize_cli.color.upsample import Enlarger
from tests.recombined import recombine

HEIGHT, WIDTH, ROWS = 3000, 4000, 16
Grey = NDArray[np.uint8]
Floats = NDArray[np.float32]


def strips(grey: Grey, ab: Floats) -> Iterator[tuple[slice, Grey, Floats]]:
    enlarger = Enlarger(ab, grey.shape)
    for top in range(0, len(grey), ROWS):
        rows = slice(top, min(top + ROWS, len(grey)))
        yield rows, grey[rows], enlarger.rows(rows.start, rows.stop)


def clipping(grey: Grey, ab: Floats) -> Grey:
    """The floor: OpenCV's Lab in strips, colors outside the gamut clipped, so that lightness breaks."""
    out = np.empty((*grey.shape, 3), np.uint8)
    table = tables.grey_lightness(SRGB, 255)
    for rows, strip, (a, b) in strips(grey, ab):
        rgb = cv2.cvtColor(cv2.merge([cv2.LUT(strip, table), a, b]), cv2.COLOR_Lab2RGB)
        cv2.convertScaleAbs(rgb.reshape(len(strip), -1), dst=out[rows].reshape(len(strip), -1), alpha=255)
    return out


def arithmetic(grey: Grey, ab: Floats) -> Grey:
    """The method of all other spaces and depths: Lab in numpy, curves by table, gamut by search."""
    out = np.empty((*grey.shape, 3), np.uint8)
    for rows, strip, color in strips(grey, ab):
        merging._merge_exactly(out[rows], strip, color, SRGB)
    return out


def cube(step: int = 4, reach: int = 112) -> Callable[[Grey, Floats], Grey]:
    """A table over grey, a and b, read by OpenCV's bilinear remap."""
    side = 2 * reach // step + 1
    axis = torch.arange(-reach, reach + 1, step).float()
    ab = torch.stack(torch.meshgrid(axis, axis, indexing="xy"))[None]
    lightness = tables.grey_lightness(SRGB, 255)
    table = np.concatenate(
        [
            (rgb[0] * 255).round().byte().permute(1, 2, 0).numpy()
            for rgb in (recombine(torch.full((1, 1, side, side), float(value)), ab) for value in lightness)
        ]
    )

    def method(grey: Grey, ab: Floats) -> Grey:
        out = np.empty((*grey.shape, 3), np.uint8)
        for rows, strip, color in strips(grey, ab):
            place = np.clip(color * np.float32(1 / step) + np.float32(reach / step), 0, side - 1)
            place[1] += np.multiply(strip, side, dtype=np.int32)
            out[rows] = cv2.remap(table, place[0], place[1], cv2.INTER_LINEAR)
        return out

    return method


def decoded(planes: tuple[Grey, Grey, Grey]) -> Grey:
    y, cb, cr = planes
    wide = [cv2.resize(plane, y.shape[::-1], interpolation=cv2.INTER_LINEAR) for plane in (cr, cb)]
    return np.asarray(cv2.cvtColor(np.stack((y, *wide), -1), cv2.COLOR_YCrCb2RGB), np.uint8)


def reference(grey: Grey, ab: Floats) -> Grey:
    out = np.empty((*grey.shape, 3), np.uint8)
    for rows, strip, color in strips(grey, ab):
        rgb = recombine(torch.from_numpy(lightness_of(strip))[None, None], torch.from_numpy(color)[None])
        out[rows] = (rgb[0] * 255).round().byte().permute(1, 2, 0).numpy()
    return out


def photo(path: str | None) -> tuple[Grey, Floats]:
    noise = np.random.default_rng(0)
    if path is None:  # clouds of color, without need of a file
        small = np.clip(cv2.resize(noise.random((6, 8, 3)), (85, 64), interpolation=cv2.INTER_CUBIC), 0, 1)
        rgb = (small * 255).astype(np.uint8)
    else:
        rgb = np.ascontiguousarray(cv2.imread(path)[..., ::-1])
    low = cv2.resize(rgb, (85, 64), interpolation=cv2.INTER_AREA)
    _, ab = split(torch.from_numpy(low).permute(2, 0, 1)[None].float() / 255)
    grey = cv2.resize(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY), (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)
    grainy = np.clip(grey + noise.normal(0, 4, grey.shape), 0, 255).astype(np.uint8)
    return grainy, np.ascontiguousarray(ab[0].numpy())


def main() -> None:
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    grey, ab = photo(sys.argv[1] if len(sys.argv) > 1 else None)
    started = time.process_time()
    gamut.srgb_inverse_limits()
    print(f"table of the gamut's edge, once a process: {time.process_time() - started:.2f} s")
    methods: dict[str, Callable[[Grey, Floats], Any]] = {
        "merge": merge,
        "luma, half-size chroma": merge_luma,
        "clipping (floor, breaks L*)": clipping,
        "numpy arithmetic": arithmetic,
        "3-D table and remap": cube(),
    }
    times: dict[str, list[float]] = {name: [] for name in methods}
    for _ in range(5):  # in turns, so that a busy machine is busy for all
        for name, method in methods.items():
            started = time.process_time()
            method(grey, ab)
            times[name].append(time.process_time() - started)
    part = np.ascontiguousarray(grey[:1000, :1500])
    truth = reference(part, ab).astype(int)
    for name, method in methods.items():
        result = method(part, ab)
        colored = decoded(result) if isinstance(result, tuple) else result
        seconds, ratio = min(times[name]), min(times[name]) / min(times["merge"])
        differs = np.percentile(np.abs(colored - truth), 99)
        lightness = np.abs(lightness_of(np.ascontiguousarray(colored)) - lightness_of(part))
        print(
            f"{name:28} {seconds:5.2f} s  x{ratio:4.2f}  levels from reference {differs:3.0f}  "
            f"dL* p99 {np.percentile(lightness, 99):.2f}, worst {lightness.max():.2f}"
        )


if __name__ == "__main__":
    main()
