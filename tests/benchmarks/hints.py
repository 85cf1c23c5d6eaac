"""What hints are worth: random squares of the truth's color, carried over the network's answer, beside Levin's alone.

    python tests/benchmarks/hints.py CHECKPOINT PHOTOS [--photos 20] [--seed 0]

Centre crops of 256 pixels, hints of 7 x 7 pixels at uniform places, vividness 0. Printed: PSNR over the network without
hints, dB; the median distance of the result from a hint at its own place, ab units; and, for one hint of another color
(50 ab units aside), the mean change of places that are more than half a picture away and differ by 30 L* or more.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from PIL import Image

from colorize_cli.color.gpu import split
from colorize_cli.data.transforms import centre_crop
from colorize_cli.evaluation.pixel import psnr
from colorize_cli.formats.table import PHOTO_NAMES
from colorize_cli.guidance.hints import HintMap
from colorize_cli.guidance.propagation import propagate
from colorize_cli.guidance.scribbles import levin
from colorize_cli.models.checkpoint import load_strictly, read_info, read_tensors
from colorize_cli.training.outputs import build_generator
from colorize_cli.training.validation import join_clipped

SIDE, SIZE, COUNTS = 7, 256, (1, 3, 10, 50)
Floats = NDArray[np.float32]


def squares(ab: Floats, count: int, rng: np.random.Generator) -> HintMap:
    """Hints: the mean ab of random squares."""
    known, mask = np.zeros_like(ab), np.zeros(ab.shape[1:], np.float32)
    for y, x in rng.integers(0, SIZE - SIDE + 1, (count, 2)):
        part = (slice(y, y + SIDE), slice(x, x + SIDE))
        known[:, *part] = ab[:, *part].mean((1, 2), keepdims=True)
        mask[part] = 1
    return HintMap(known, mask)


def change_far_away(lightness: Floats, ab: Floats, rng: np.random.Generator) -> float | None:
    """Mean change where one hint of another color should change nothing; None where there is no such place."""
    y, x = rng.integers(0, SIZE - SIDE + 1, 2)
    turn, mask = rng.uniform(0, 2 * np.pi), np.zeros((SIZE, SIZE), np.float32)
    mask[y : y + SIDE, x : x + SIDE] = 1
    other = ab[:, y + 3, x + 3] + 50 * np.array((np.cos(turn), np.sin(turn)), np.float32)
    rows, columns = np.mgrid[:SIZE, :SIZE]
    far = np.hypot(rows - y - 3, columns - x - 3) > SIZE / 2
    unlike = np.abs(lightness - lightness[y : y + SIDE, x : x + SIDE].mean()) > 30
    if (far & unlike).sum() < 500:
        return None
    found = propagate(lightness, ab, HintMap(other[:, None, None] * mask, mask))
    return float(np.hypot(*(found - ab))[far & unlike].mean())


@torch.inference_mode()
def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--photos", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    info = read_info(args.checkpoint)
    network = load_strictly(
        build_generator(info.network, info.arguments), read_tensors(args.checkpoint), str(args.checkpoint)
    )
    files = sorted(path for path in args.folder.iterdir() if path.suffix.lower() in PHOTO_NAMES.suffixes)
    chosen = np.random.default_rng(args.seed).permutation(len(files))[: args.photos]
    gains: dict[str, list[float]] = {}
    own, far = list[float](), list[float]()
    for number in chosen:
        rgb = centre_crop(np.asarray(Image.open(files[number]).convert("RGB")), SIZE)
        truth = torch.from_numpy(rgb.copy()).permute(2, 0, 1)[None].float()
        lightness, true_ab = split(truth / 255)
        grey, ab = lightness[0, 0].numpy(), true_ab[0].numpy()
        small = network.colorize(lightness, None, 0.0)
        plain = F.interpolate(small, size=(SIZE, SIZE), mode="bilinear")[0].numpy()

        def score(found: Floats, lightness: torch.Tensor = lightness, truth: torch.Tensor = truth) -> float:
            return float(psnr(join_clipped(lightness, torch.from_numpy(found)[None]), truth))

        without = score(plain)
        gains.setdefault("none, dB", []).append(without)
        for count in COUNTS:
            hints = squares(ab, count, np.random.default_rng((args.seed, number, count)))
            found = propagate(grey, plain, hints)
            gains.setdefault(f"{count} hints", []).append(score(found) - without)
            gains.setdefault(f"{count} hints, Levin alone", []).append(score(levin(grey, hints)) - without)
            own.append(float(np.median(np.hypot(*(found - hints.ab))[hints.mask > 0])))
        change = change_far_away(grey, plain, np.random.default_rng((args.seed, number)))
        far += [] if change is None else [change]
    for name, values in gains.items():
        print(f"{name:24} {np.mean(values):+.2f}")
    print(f"at a hint's own place    {np.median(own):.2f} ab units off")
    print(f"far away and unlike      {np.mean(far):.2f} ab units changed, {np.max(far):.2f} at most, {len(far)} photos")


if __name__ == "__main__":
    main()
