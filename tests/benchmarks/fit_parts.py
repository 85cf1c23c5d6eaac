"""Fit the numbers of `assets/parts.safetensors`, which tell damage from what is only like it.

    python -m tests.benchmarks.fit_parts SHARD --out parts.safetensors [--photos 400] [--seed 0]

SHARD is a tar file of photos in color. They are made grey and damaged by `data.degradations`; the bundled network finds
likely places on them, and the fit learns which share of each is damaged. At the end the precision, the recall and F1
with and without it are told, of photos that it was not fitted on.
"""

from __future__ import annotations

import argparse
import io
import tarfile
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from safetensors.numpy import save_file
from torch import nn

from colorize_cli.data.damaged import worn
from colorize_cli.data.degradations import scratched
from colorize_cli.restore.damage import bundled_finder
from colorize_cli.restore.damage_parts import parts_of

HIDDEN = 24
Measured = tuple[NDArray[np.float32], NDArray[np.float64], NDArray[np.float64], int]


def photos_of(shard: Path, count: int) -> Iterator[NDArray[np.uint8]]:
    """RGB photos, from all over the file."""
    with tarfile.open(shard) as tar:
        members = [member for member in tar if member.isfile() and member.name.endswith((".webp", ".jpg", ".png"))]
        for member in members[:: max(1, len(members) // count)][:count]:
            yield np.asarray(Image.open(io.BytesIO(tar.extractfile(member).read())).convert("RGB"))  # type: ignore[union-attr]


def measured(rgb: NDArray[np.uint8], rng: np.random.Generator) -> Measured:
    """Damage a photo, and measure the places: features, areas, damaged pixels of each; damaged pixels in all."""
    grey = (rgb @ rng.dirichlet((1.2, 2.0, 1.6)) / 255).astype(np.float32)
    scale = rng.uniform(1, 2.2)
    grey = cv2.resize(grey, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC).clip(0, 1)
    plane, truth = grey, np.zeros(grey.shape, bool)
    if rng.random() < 0.85:
        plane, truth = scratched(grey, rng, rng.uniform(0.5, 1.1), rng.uniform(0.3, 2.0), around=120)
    if rng.random() < 0.4:
        plane = worn(plane, rng)
    plane = (np.clip(plane, 0, 1) * 255).round().astype(np.float32) / np.float32(255)
    parts = parts_of(plane, bundled_finder().probabilities(plane))
    count = len(parts.features)
    labels = parts.labels.ravel()
    areas = np.bincount(labels, minlength=count + 1)[1:].astype(float)
    return parts.features, areas, np.bincount(labels, truth.ravel(), count + 1)[1:], int(truth.sum())


def told(name: str, keep: NDArray[np.bool_], areas: NDArray[np.float64], hits: NDArray[np.float64], there: int) -> None:
    found, right = areas[keep].sum(), hits[keep].sum()
    print(f"{name}: precision {right / found:.3f}, recall {right / there:.3f}, F1 {2 * right / (found + there):.3f}")


def main() -> None:
    """Fit, tell how well, and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("shard", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--photos", type=int, default=400)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    torch.manual_seed(options.seed)
    torch.set_num_threads(1)
    rng = np.random.default_rng(options.seed)
    photos = [measured(rgb, rng) for rgb in photos_of(options.shard, options.photos)]
    held = len(photos) // 5
    features, areas, hits = (np.concatenate([photo[k] for photo in photos[held:]]) for k in range(3))
    mean, deviation = features.mean(0), features.std(0) + np.float32(1e-6)
    network = nn.Sequential(nn.Linear(features.shape[1], HIDDEN), nn.ReLU(), nn.Dropout(0.1), nn.Linear(HIDDEN, 1))
    given, wanted = torch.from_numpy((features - mean) / deviation), torch.from_numpy((hits / areas).astype(np.float32))
    weight = torch.from_numpy(areas.astype(np.float32)) ** 0.7
    optimizer = torch.optim.AdamW(network.parameters(), 5e-3, weight_decay=1e-2)
    for _ in range(400):
        loss = nn.functional.binary_cross_entropy_with_logits(network(given)[:, 0], wanted, weight / weight.mean())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    network.eval()
    features, areas, hits = (np.concatenate([photo[k] for photo in photos[:held]]) for k in range(3))
    there = sum(photo[3] for photo in photos[:held])
    with torch.no_grad():
        odds = torch.sigmoid(network(torch.from_numpy((features - mean) / deviation)))[:, 0].numpy()
    told("all likely places", odds > 0, areas, hits, there)
    for least in (0.3, 0.4, 0.5):
        told(f"from {least}", odds > least, areas, hits, there)
    first, last = network[0], network[3]
    numbers = {
        "mean": mean,
        "deviation": deviation,
        "in": first.weight.detach().numpy().T,
        "b": first.bias.detach().numpy(),
    }
    numbers |= {"out": last.weight.detach().numpy().T, "c": last.bias.detach().numpy()}
    save_file({key: np.ascontiguousarray(value, np.float32) for key, value in numbers.items()}, options.out)


if __name__ == "__main__":
    main()
