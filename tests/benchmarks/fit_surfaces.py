"""Fit how much of each surface of light that is found is divided out; 25 numbers of `assets/light.safetensors`.

    python -m tests.benchmarks.fit_surfaces SHARDS... --out light.safetensors [--photos 100] [--seed 7]

SHARDS are tar files of photos in color, so many photos of the first `FIRST` of each, which `fit_light` holds out. They
are lit by `data.print_degradations`. Told is the share of the light's standard deviation that is gone without the fit,
and with fits to four fifths of the photos on the others. OUT has the networks already.
"""

from __future__ import annotations

import argparse
import io
import tarfile
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image
from safetensors.numpy import load_file, save_file

from colorize_cli.color.pixels import reduced
from colorize_cli.data.print_degradations import unevenly_lit
from colorize_cli.restore import small_networks
from colorize_cli.restore.repair import plane_of
from tests.benchmarks.restore import coded, grey_of

FIRST = 800
SURFACES = small_networks.SURFACES.astype(float)
_TO_ONE = 0.1  # how much the fit is drawn to taking all, as a share of what is found
_LEAST = 1e-3  # mean square of what is left below which it weighs less
_STEPS = 12
Many = NDArray[np.float64]


def photos_of(shard: Path, count: int) -> Iterator[NDArray[np.uint8]]:
    """RGB photos of the first of the file."""
    with tarfile.open(shard) as tar:
        members = [member for member in tar if member.name.endswith((".webp", ".jpg", ".png"))][:FIRST]
        for member in members[3 :: max(1, len(members) // count)][:count]:
            yield np.asarray(Image.open(io.BytesIO(tar.extractfile(member).read())).convert("RGB"))  # type: ignore[union-attr]


def example(rgb: NDArray[np.uint8], rng: np.random.Generator) -> tuple[Many, Many]:
    """The light that is found, and that is there, (1024,) each."""
    grey = grey_of(rgb)
    light = unevenly_lit(np.ones(grey.shape, np.float32), rng)
    seen = reduced(plane_of(coded(plane_of(grey) * light)), 2048)
    there = cv2.resize(np.log(light), (32, 32), interpolation=cv2.INTER_AREA).ravel()
    found = small_networks._mean_of_views(small_networks.light_input(seen), "light").ravel()
    return found.astype(float), (there - there.mean()).astype(float)


def fitted(found: Many, there: Many) -> Many:
    """The shares, (5, 5), which leave least of it, by weighted least squares: deviations, not variances, count."""
    given, wanted = (mirrored(light) @ SURFACES for light in (found, there))
    weight = np.ones((len(given), 1))
    shares = np.eye(SURFACES.shape[1])
    drawn = _TO_ONE * len(given) * np.diag(np.square(given).mean(0))
    for _ in range(_STEPS):
        shares = np.linalg.solve(given.T @ (weight * given) + drawn, given.T @ (weight * wanted) + drawn)
        left = np.square(wanted - given @ shares).sum(1, keepdims=True) / SURFACES.shape[0]
        weight = 1 / np.sqrt(left + _LEAST)
        weight /= weight.mean()
    return shares


def mirrored(light: Many) -> Many:
    """Each light, (n, 1024), as it is and mirrored, (4 n, 1024): a photo that is mirrored gets the mirrored light."""
    maps = light.reshape(-1, 32, 32)
    return np.concatenate([maps[:, ::down, ::right] for down in (1, -1) for right in (1, -1)]).reshape(-1, 1024)


def left_of(found: Many, there: Many, shares: Many) -> float:
    return float((there - found @ SURFACES @ shares @ SURFACES.T).std(1).sum())


def main() -> None:
    """Fit, tell how well, and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("shards", type=Path, nargs="+")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--photos", type=int, default=100, help="of each file")
    parser.add_argument("--seed", type=int, default=7)
    options = parser.parse_args()
    cv2.setNumThreads(1)
    photos = [rgb for shard in options.shards for rgb in photos_of(shard, options.photos)]
    every = [example(rgb, np.random.default_rng((options.seed, i))) for i, rgb in enumerate(photos)]
    found, there = (np.stack([pair[k] for pair in every]) for k in (0, 1))
    fold, all_of_it, left = np.arange(len(found)) % 5, float(there.std(1).sum()), 0.0
    for i in range(5):
        left += left_of(found[fold == i], there[fold == i], fitted(found[fold != i], there[fold != i]))
    plain = left_of(found, there, np.eye(SURFACES.shape[1]))
    print(f"gone: {1 - plain / all_of_it:.3f} without, {1 - left / all_of_it:.3f} with")
    shares = fitted(found, there).astype(np.float32)
    save_file(load_file(options.out) | {"surfaces": np.ascontiguousarray(shares)}, options.out)


if __name__ == "__main__":
    main()
