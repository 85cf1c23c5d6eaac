"""Fit the third network of `assets/light.safetensors`, which finds what was spilled on a photo.

    python -m tests.benchmarks.fit_stains SHARDS... --out light.safetensors [--minutes 45] [--seed 0]

SHARDS are tar files of photos in color. Photos are made grey, lit and stained by `data.print_degradations`; a third is
left without stains, so that the network learns what is the scene's own. OUT has the others already: it begins as that
for light, or goes on. Told is the share of the stains that is left on photos that were not fitted on.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.numpy import load_file, save_file

from colorize_cli.data.degradations import noisy
from colorize_cli.data.print_degradations import faded, stained, unevenly_lit
from colorize_cli.restore.small_networks import SPILLED, light_input
from tests.benchmarks.fit_light import LIGHT, Light, photos_of

LOSS = 10.0
_LEAST = 2e-4  # mean square of what is left below which it weighs less
_HELD = 600
_GRID = 32
Plane = NDArray[np.float32]


def example(rgb: NDArray[np.uint8], rng: np.random.Generator) -> tuple[Plane, Plane]:
    """What the network sees, and what it is to find."""
    height, width = rng.integers(SPILLED * 3 // 4, SPILLED + 1, 2)
    top, left = rng.integers(SPILLED - height + 1), rng.integers(SPILLED - width + 1)
    plane = rgb[top : top + height, left : left + width] @ (rng.dirichlet((1.2, 2.0, 1.6)) / 255).astype(np.float32)
    plane = plane[:, ::-1] if rng.random() < 0.5 else plane
    stain = np.ones(plane.shape, np.float32)
    if rng.random() < 0.67:
        stain = stained(stain, rng) ** np.float32(rng.uniform(0.7, 1.5))
    seen = unevenly_lit(plane, rng) if rng.random() < 0.25 else plane
    seen = faded(seen, rng) if rng.random() < 0.15 else seen
    seen = seen * stain
    seen = noisy(seen, rng.uniform(0, 0.02), rng) if rng.random() < 0.3 else seen
    seen = cv2.resize(np.clip(seen, 0, 1), (SPILLED, SPILLED), interpolation=cv2.INTER_LINEAR)
    seen = np.round(seen * 255) / np.float32(255)
    return light_input(seen, SPILLED), cv2.resize(np.log(stain), (_GRID, _GRID), interpolation=cv2.INTER_AREA)


def main() -> None:
    """Fit, tell how well, and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("shards", type=Path, nargs="+")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=45.0)
    parser.add_argument("--photos", type=int, default=20000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    torch.manual_seed(options.seed)
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    photos, rng = photos_of(options.shards, options.photos, SPILLED), np.random.default_rng(options.seed)
    held, photos = photos[:_HELD], photos[_HELD:]
    print(len(photos), "photos", flush=True)
    network, parts = Light(LIGHT), load_file(options.out)
    first = "stains" if "stains.0.weight" in parts else "light"
    known = {key.partition(".")[2]: value for key, value in parts.items() if key.startswith(first)}
    batch = [example(rgb, rng)[0] for rgb in photos[:128]]
    network.go_on_from(known, torch.from_numpy(np.stack(batch)))
    optimizer = torch.optim.AdamW(network.parameters(), 3e-3, weight_decay=1e-3)
    peak, started, seconds, step = 2.5e-3, time.monotonic(), 60 * options.minutes, 0
    while (spent := (time.monotonic() - started) / seconds) < 1:
        for group in optimizer.param_groups:
            group["lr"] = peak * min(1, step / 50 + 0.02) * 0.5 * (1 + np.cos(np.pi * spent)) + 1e-5
        batch = [example(photos[i], rng) for i in rng.integers(0, len(photos), 48)]
        given, wanted = (torch.from_numpy(np.stack([pair[k] for pair in batch])) for k in (0, 1))
        left = (network(given) - wanted).square().mean((1, 2))
        loss = (left + _LEAST).sqrt().mean() * LOSS  # as the share that is left is measured
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        step += 1
        if step % 200 == 0:
            print(step, f"{loss.item():.4f}", flush=True)
            told(network, held)
    told(network, held)
    save_file(parts | {f"stains.{key}": value for key, value in network.folded().items()}, options.out)


@torch.no_grad()
def told(network: Light, held: NDArray[np.uint8]) -> None:
    """Print what is left on photos that were not fitted on, and go on."""
    own = np.random.default_rng(1)
    network.eval()
    batch = [example(rgb, own) for rgb in held]
    given, wanted = (torch.from_numpy(np.stack([pair[k] for pair in batch])) for k in (0, 1))
    left, there = (network(given) - wanted).std((1, 2)), wanted.std((1, 2))
    spilled = there > 0.01
    print(f"left: {float(left[spilled].sum() / there[spilled].sum()):.2f}; clean {float(left[~spilled].mean()):.4f}")
    network.train()


if __name__ == "__main__":
    main()
