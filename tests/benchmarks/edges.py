"""How well low-resolution color is brought up: smoothly, along edges by several filters; quality and cost in one run.

    python tests/benchmarks/edges.py PHOTOS... [--model NAME] [--limit N]

Photos (with a short side near 512 pixels): the truth's ab is reduced by area to the network's grid, 64 places across
the short side, and brought up again; printed are PSNR (METRICS: sRGB, mean over photos), mean error of ab, the same
within two pixels of a strong lightness edge, and CPU milliseconds; with --model, PSNR and colorfulness of the model's
own colors, smoothly enlarged and along edges. Then a red disc on green of another lightness, at 12 and 100
megapixels: pixels on either side of the edge in which the color is more than 25 or 10 % on its way to the other.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from colorize_cli.color.edges import follow_edges
from colorize_cli.color.merge import merge
from colorize_cli.color.pixels import lightness_of
from colorize_cli.color.upsample import Enlarger
from colorize_cli.evaluation.pixel import colorfulness, psnr

Floats = NDArray[np.float32]
Way = Callable[[Floats, Floats], Floats]
GRID, SEEN = 64, 256


def area(plane: Floats, size: tuple[int, int]) -> Floats:
    return np.asarray(cv2.resize(plane, size[::-1], interpolation=cv2.INTER_AREA), np.float32)


def enlarged(ab: Floats, size: tuple[int, int], how: int = cv2.INTER_CUBIC) -> Floats:
    return np.stack([cv2.resize(plane, size[::-1], interpolation=how) for plane in ab])


def bicubic(ab: Floats, lightness: Floats) -> Floats:
    return ab


def corrected(way: Way, rounds: int = 2) -> Way:
    """What a way gets wrong on the average over a place of the grid is added back."""

    def both(ab: Floats, lightness: Floats) -> Floats:
        fine = way(ab, lightness)
        for _ in range(rounds):
            back = np.stack([area(plane, ab.shape[1:]) for plane in fine])
            fine = fine + enlarged(ab - back, lightness.shape)
        return fine

    return both


def guided(radius: int, smoothness: float) -> Way:
    """He and Sun 2015: color is linear in lightness within a window; clipped to the colors around."""

    def way(ab: Floats, lightness: Floats) -> Floats:
        side, kernel = (2 * radius + 1, 2 * radius + 1), np.ones((2 * radius + 1, 2 * radius + 1), np.uint8)
        guide, size = area(lightness, ab.shape[1:]), lightness.shape

        def box(plane: Floats) -> Floats:
            return np.asarray(cv2.blur(plane, side, borderType=cv2.BORDER_REFLECT), np.float32)

        mean = box(guide)
        variance = np.maximum(box(guide * guide) - mean * mean, 0)
        out = []
        for channel in ab:
            slope = (box(guide * channel) - mean * box(channel)) / (variance + np.float32(smoothness))
            offset = box(channel) - slope * mean
            planes = np.stack([box(slope), box(offset), cv2.erode(channel, kernel), cv2.dilate(channel, kernel)])
            gain, base, low, high = enlarged(planes, size, cv2.INTER_LINEAR)
            out.append(np.clip(gain * lightness + base, low, high))
        return np.stack(out)

    return way


def bilateral(sigma: float, taps: int = 4, spread: float = 0.8) -> Way:
    """Kopf 2007: the mean of near places, weighted by how alike their lightness is."""

    def axis(have: int, want: int) -> tuple[NDArray[np.intp], Floats]:
        place = (np.arange(want) + 0.5) * have / want - 0.5
        base = np.floor(place).astype(np.intp)
        offsets = np.arange(1 - taps // 2, taps // 2 + 1)[:, None]
        weights = np.exp(-((offsets - (place - base)) ** 2) / (2 * spread**2))
        return np.clip(base + offsets, 0, have - 1), weights.astype(np.float32)

    def way(ab: Floats, lightness: Floats) -> Floats:
        guide = area(lightness, ab.shape[1:])
        (rows, down), (columns, across) = (axis(*pair) for pair in zip(ab.shape[1:], lightness.shape, strict=True))
        total, weight = np.zeros((2, *lightness.shape), np.float32), np.zeros(lightness.shape, np.float32)
        for j, column in enumerate(columns):
            wide_guide, wide_ab = guide[:, column], ab[:, :, column]
            for i, row in enumerate(rows):
                alike = np.exp((wide_guide[row] - lightness) ** 2 * np.float32(-0.5 / sigma**2)) + np.float32(1e-3)
                alike *= down[i][:, None] * across[j]
                weight += alike
                total += alike * wide_ab[:, row]
        return total / weight

    return way


WAYS: dict[str, Way] = {
    "bicubic": bicubic,
    "guided, radius 2": guided(2, 4),
    "guided, radius 1": guided(1, 4),
    "joint bilateral, 6 L*": bilateral(6),
    "joint bilateral, 12 L*": bilateral(12),
    "bicubic, means corrected": corrected(lambda ab, lightness: enlarged(ab, lightness.shape)),
    "joint bilateral, corrected": corrected(bilateral(6)),
    "guided, corrected": corrected(guided(1, 4)),
    "follow_edges (kept)": follow_edges,
}


def truth_of(file: Path) -> tuple[NDArray[np.uint8], Floats, Floats]:
    rgb = np.asarray(Image.open(file).convert("RGB"))
    height, width = (side // 32 * 32 for side in rgb.shape[:2])
    rgb = np.ascontiguousarray(rgb[:height, :width])
    lab = cv2.cvtColor(rgb.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    return rgb, np.ascontiguousarray(lab[..., 0]), np.ascontiguousarray(lab[..., 1:].transpose(2, 0, 1))


def quality(merged: NDArray[np.uint8], truth: NDArray[np.uint8]) -> tuple[float, float]:
    pair = [torch.tensor(picture).permute(2, 0, 1)[None].float() for picture in (merged, truth)]
    return float(psnr(*pair)), float(colorfulness(pair[0]))


def of_photos(files: Sequence[Path]) -> None:
    table: dict[str, list[tuple[float, ...]]] = {}
    for file in files:
        rgb, lightness, ab = truth_of(file)
        scale = min(lightness.shape) / GRID
        grid = tuple(round(side / scale) for side in lightness.shape)
        seen = area(lightness, (4 * grid[0], 4 * grid[1]))
        coarse = np.stack([area(plane, (grid[0], grid[1])) for plane in ab])
        step = cv2.morphologyEx(lightness, cv2.MORPH_GRADIENT, np.ones((5, 5), np.uint8))
        for name, way in WAYS.items():
            start = time.process_time()
            found = way(coarse, seen)
            cost = time.process_time() - start
            fine = Enlarger(found, lightness.shape).rows(0, lightness.shape[0])
            wrong = np.hypot(*(fine - ab))
            near = wrong[step > 25].mean() if (step > 25).any() else np.nan
            table.setdefault(name, []).append((quality(merge(rgb, found), rgb)[0], wrong.mean(), near, 1e3 * cost))
    print(f"{len(files)} photos; truth's ab on a grid of {GRID}, with the lightness at {SEEN} as the guide")
    print(f"{'':28}{'PSNR':>8}{'ab error':>10}{'at edges':>10}{'CPU ms':>8}")
    for name, rows in table.items():
        print("{:28}{:8.2f}{:10.2f}{:10.2f}{:8.1f}".format(name, *np.nanmean(rows, 0)))


def of_model(files: Sequence[Path], name: str) -> None:
    from colorize_cli.inference.geometry import reduce
    from colorize_cli.inference.predictor import Predictor, Request
    from colorize_cli.models.load import load_model

    colorizer = Predictor(load_model(name), torch.device("cpu"))
    rows = []
    for file in files:
        rgb = truth_of(file)[0]
        view = colorizer.view(*rgb.shape[:2])
        lightness = lightness_of(np.ascontiguousarray(reduce(rgb, view)))
        row: list[float] = []
        for vividness in (0.0, None):
            ab = colorizer.predict([Request(lightness)], vividness)[0]
            row += [*quality(merge(rgb, ab), rgb), *quality(merge(rgb, follow_edges(ab, lightness)), rgb)]
        rows.append(row)
    print(f"\ncolors of {name}: PSNR and colorfulness, bicubic then along edges")
    for label, values in zip(("vividness 0", "default"), np.mean(rows, 0).reshape(2, 4), strict=True):
        print("{:14}{:8.2f} {:5.1f}   {:8.2f} {:5.1f}".format(label, *values))


def of_disc() -> None:
    print("\na red disc on green: pixels either side of the edge with more than 25 % and 10 % of the other color")
    for height, width in ((3000, 4000), (8660, 11547)):
        rgb = np.empty((height, width, 3), np.uint8)
        rgb[:] = 70, 150, 60
        cv2.circle(rgb, (width // 2, height // 2), height // 3, (150, 30, 40), -1, cv2.LINE_AA)
        row = cv2.cvtColor(rgb[height // 2][None].astype(np.float32) / 255, cv2.COLOR_RGB2LAB)[0, :, 1]
        small = cv2.resize(rgb, (16 * (width * GRID // height), 16 * GRID), interpolation=cv2.INTER_AREA)
        lab = cv2.cvtColor(small.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
        size = (small.shape[0], small.shape[1])
        planes = [np.ascontiguousarray(lab[..., i]) for i in range(3)]
        coarse = np.stack([area(plane, (size[0] // 16, size[1] // 16)) for plane in planes[1:]])
        for guide in (0, 256, 512, 1024):
            start = time.process_time()
            factor = 1024 // guide if guide else 1
            found = follow_edges(coarse, area(planes[0], (size[0] // factor, size[1] // factor))) if guide else coarse
            cost = time.process_time() - start
            line = Enlarger(found, (height, width)).rows(height // 2, height // 2 + 1)[0, 0]
            wrong = np.abs(line - row) / abs(row[width // 2] - row[0])
            name = f"along edges at {guide}" if guide else "bicubic"
            quarter, tenth = ((wrong > share).sum() / 2 for share in (0.25, 0.1))
            print(f"{height * width / 1e6:5.0f} MP  {name:22}{quarter:5.0f}{tenth:6.0f}   {1e3 * cost:6.1f} ms")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("photos", nargs="+", type=Path)
    parser.add_argument("--model")
    parser.add_argument("--limit", type=int, default=1000)
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    chosen = [file for file in sorted(arguments.photos) if min(Image.open(file).size) >= 400][: arguments.limit]
    of_photos(chosen)
    if arguments.model:
        of_model(chosen, arguments.model)
    of_disc()
