"""What closer looks gain and lose: contact sheets, single photos, and the color across the borders of tiles.

    python tests/benchmarks/detail.py PHOTOS... [--model NAME] [--side 512] [--singles 24] [--levels 1]

(a) Sheets of 4 x 4 photos, each cropped to a square of `side` pixels: one look at the whole against `--detail auto`;
PSNR of the sheet (METRICS: 8-bit sRGB) and colorfulness beside the truth's, at vividness 0 and the model's own.
(b) Single photos: PSNR of `auto` and of `--detail LEVELS` less that of one look.
(c) Mean change of ab across the borders of tiles as a multiple of that on the lines 16 places beside them, over the
photos of (b): 1 where no border can be told; with a 95 % bootstrap interval over photos; and the same of one look, in
which there are no tiles.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from colorize_cli.color.edges import follow_edges
from colorize_cli.color.merge import merge
from colorize_cli.color.pixels import lightness_of
from colorize_cli.color.spaces import SRGB
from colorize_cli.evaluation.pixel import colorfulness, psnr
from colorize_cli.inference.detail import Refined, page_lightness, refine
from colorize_cli.inference.geometry import reduce
from colorize_cli.inference.option_values import Detail
from colorize_cli.inference.predictor import Predictor, Request
from colorize_cli.inference.tiling import lay, resized
from colorize_cli.models.load import load_model

Rgb = NDArray[np.uint8]


def read(file: Path) -> Rgb:
    return np.asarray(Image.open(file).convert("RGB"))


def square(rgb: Rgb, side: int) -> Rgb:
    short = min(rgb.shape[:2])
    top, left = (rgb.shape[0] - short) // 2, (rgb.shape[1] - short) // 2
    way = cv2.INTER_AREA if short >= side else cv2.INTER_CUBIC
    return np.asarray(
        cv2.resize(rgb[top : top + short, left : left + short], (side, side), interpolation=way), np.uint8
    )


def sheets(files: Sequence[Path], side: int) -> Iterator[Rgb]:
    order = np.random.default_rng(0).permutation(len(files))
    for start in range(0, len(files) - 15, 16):
        photos = [square(read(files[i]), side) for i in order[start : start + 16]]
        yield np.vstack([np.hstack(photos[row : row + 4]) for row in range(0, 16, 4)])


def looks(colorizer: Predictor, rgb: Rgb, details: Sequence[Detail], vividness: float | None) -> list[Refined]:
    """One look, then the given ones."""
    height, width = rgb.shape[:2]
    seen = lightness_of(np.ascontiguousarray(reduce(rgb, colorizer.view(height, width))))
    whole = colorizer.predict([Request(seen)], vividness)[0]
    at = page_lightness(rgb, SRGB, seen)
    refined = [refine(colorizer, whole, at, (height, width), detail, vividness) for detail in details]
    return [Refined(whole, seen), *refined]


def quality(rgb: Rgb, found: Refined) -> tuple[float, float]:
    merged = merge(rgb, follow_edges(found.ab, found.lightness))
    pair = [torch.tensor(picture).permute(2, 0, 1)[None].float() for picture in (merged, rgb)]
    return float(psnr(*pair)), float(colorfulness(pair[0]))


def interval(values: Sequence[float]) -> str:
    rng, array = np.random.default_rng(0), np.array(values)
    means = array[rng.integers(0, len(array), (2000, len(array)))].mean(1)
    low, high = np.percentile(means, (2.5, 97.5))
    return f"{array.mean():+.3f} ({low:+.3f} to {high:+.3f})"


def of_sheets(colorizer: Predictor, files: Sequence[Path], side: int) -> None:
    for vividness in (0.0, None):
        rows, found, start = [], 0, time.process_time()
        for sheet in sheets(files, side):
            one, closer = looks(colorizer, sheet, [Detail()], vividness)
            found += closer.pictures == 16
            truth = float(colorfulness(torch.tensor(sheet).permute(2, 0, 1)[None].float())[0])
            rows.append((*quality(sheet, one), *quality(sheet, closer), truth))
        values = np.array(rows)
        print(
            f"vividness {vividness}: {len(rows)} sheets, all 16 pictures found on {found}\n"
            "  PSNR {:.2f} -> {:.2f}, colorfulness {:.1f} -> {:.1f} (truth {:.1f})".format(
                *(values.mean(0)[i] for i in (0, 2, 1, 3, 4))
            )
            + f"; gain in dB {interval(values[:, 2] - values[:, 0])}; {time.process_time() - start:.0f} s CPU"
        )


def across(found: Refined, tile: int, overlap: int) -> tuple[float, float]:
    """Sum of ab's changes on the lines where tiles begin and end, and on as many lines beside them.

    A network that enlarges by repeating has larger changes on every second, fourth and eighth line of its output, be
    there tiles or not, and those of one look lie twice as far apart; so the lines beside are 16 away.
    """
    on, off, shrink = 0.0, 0.0, found.lightness.shape[0] / found.ab.shape[1]
    for axis in (1, 2):
        line = lay(found.lightness.shape[axis - 1], tile, overlap)
        change = np.abs(np.diff(found.ab, axis=axis)).sum((0, 3 - axis))
        ends = {*line.starts[1:], *(start + line.tile for start in line.starts[:-1])}
        for end in ends:
            place = round(end / shrink) - 1
            beside = [place - 16, place + 16]
            beside = [p for p in beside if 0 <= p < len(change)]
            on, off = on + change[place], off + change[beside].mean()
    return on, off


def of_singles(colorizer: Predictor, files: Sequence[Path], levels: int) -> None:
    tile = colorizer.model.spec.sizes.short_side
    for vividness in (0.0, None):
        auto, tiled, color = [], [], []
        borders: dict[str, list[tuple[float, float]]] = {"tiles": [], "one look": []}
        for file in files:
            rgb = read(file)
            found = looks(colorizer, rgb, [Detail(), Detail(levels)], vividness)
            one, by_auto, by_tiles = (quality(rgb, each) for each in found)
            auto.append(by_auto[0] - one[0])
            tiled.append(by_tiles[0] - one[0])
            color.append(by_tiles[1] - one[1])
            if found[2].levels:
                borders["tiles"].append(across(found[2], tile, tile // 2))
                plain = resized(found[0].ab, (found[2].ab.shape[1], found[2].ab.shape[2]))
                borders["one look"].append(across(replace(found[2], ab=plain), tile, tile // 2))
        print(f"vividness {vividness}: {len(files)} single photos, dB: auto {interval(auto)}")
        print(f"  --detail {levels}: {interval(tiled)}, colorfulness {interval(color)}")
        for name, each in borders.items():
            pairs = np.array(each)
            sums = pairs[np.random.default_rng(0).integers(0, len(pairs), (2000, len(pairs)))].sum(1)
            low, high = np.percentile(sums[:, 0] / sums[:, 1], (2.5, 97.5))
            print(f"  across borders, {name}: {pairs[:, 0].sum() / pairs[:, 1].sum():.3f} ({low:.3f} to {high:.3f})")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("photos", nargs="+", type=Path)
    parser.add_argument("--model", default="mini")
    parser.add_argument("--side", type=int, default=512)
    parser.add_argument("--singles", type=int, default=24)
    parser.add_argument("--levels", type=int, default=1)
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    model = Predictor(load_model(arguments.model), torch.device("cpu"))
    every = sorted(arguments.photos)
    large = [file for file in every if min(Image.open(file).size) >= 400]
    if arguments.singles:
        of_singles(model, large[:: max(1, len(large) // arguments.singles)], arguments.levels)
    of_sheets(model, every, arguments.side)
