"""Choose the thresholds from which `--restore scratches` fills, on photos that are not those it is measured on.

    python -m tests.benchmarks.choose_damage SHARD [--photos 150] [--seed 0] [--scale 2]

SHARD is a tar file of photos in color that the network was not trained on. They are enlarged, damaged by
`data.degradations` and mended with each pair of thresholds, and with each share of damage from which a rim is filled.
Told are F1 over all covered pixels, hidden ones too, the share of the others that is changed by more than 2 L*, and
what is won inside; best is the highest F1 of those that change at most `MOST`.
"""

from __future__ import annotations

import argparse
from itertools import product
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from colorize_cli.data.degradations import scratched
from colorize_cli.restore import damage
from colorize_cli.restore.damage_parts import parts_of
from colorize_cli.restore.repair import Repairs, plane_of, repaired
from tests.benchmarks.fit_parts import photos_of
from tests.benchmarks.restore import coded, grey_of, lightness_changed, psnr

MOST = 0.25  # % of undamaged pixels that may change: half of what is promised, as these photos have little like damage
ODDS, PIXELS, RIMS = (0.5, 0.6, 0.7, 0.8), (0.4, 0.5, 0.6, 0.7), (0.12, 0.15, 0.18, 0.22)
Choice = tuple[float, float, float]


def tried(grey: NDArray[np.uint8], rng: np.random.Generator) -> dict[Choice, tuple[float, ...]]:
    """Of each choice: pixels rightly found, found and there; shares of undamaged changed; dB inside."""
    plane, covered = scratched(plane_of(grey), rng, rng.uniform(0.55, 1.0), around=120)
    worse = coded(plane)
    seen = plane_of(worse)
    likely = damage.bundled_finder().probabilities(seen)
    parts = parts_of(seen, likely)
    odds = np.concatenate((np.zeros(1, np.float32), parts.odds()))[parts.labels]
    told = {}
    for choice in product(ODDS, PIXELS, RIMS):
        mask = (odds > choice[0]) & (likely > choice[1])
        damage._LEAST_RIM = choice[2]
        better = np.asarray(repaired(worse, Repairs(mask)) if mask.any() else worse, np.uint8)
        changed = lightness_changed(better, worse)
        inside = psnr(better, grey, covered) - psnr(worse, grey, covered) if covered.any() else np.nan
        told[choice] = (
            float((mask & covered).sum()),
            float(mask.sum()),
            float(covered.sum()),
            100 * float(changed[~covered].mean()),
            inside,
        )
    return told


def main() -> None:
    """Try all, print a line for each, and the best."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("shard", type=Path)
    parser.add_argument("--photos", type=int, default=150)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--scale", type=float, default=2.0, help="factor on the photos' sides")
    options = parser.parse_args()
    cv2.setNumThreads(1)
    every: dict[Choice, list[tuple[float, ...]]] = {}
    for i, rgb in enumerate(photos_of(options.shard, options.photos)):
        grey = grey_of(rgb)
        grey = cv2.resize(grey, None, fx=options.scale, fy=options.scale, interpolation=cv2.INTER_CUBIC)
        for choice, told in tried(np.asarray(grey, np.uint8), np.random.default_rng((options.seed, i))).items():
            every.setdefault(choice, []).append(told)
    best: tuple[float, Choice] = (0.0, (0.0, 0.0, 0.0))
    for choice, told in every.items():
        hits, found, there, _, _ = np.sum(told, 0)
        f1, changed, inside = 2 * hits / max(1, found + there), np.mean(told, 0)[3], np.nanmean(told, 0)[4]
        print(
            f"odds {choice[0]}, pixel {choice[1]}, rim {choice[2]}: F1 {f1:.3f}, changed {changed:.2f} %, {inside:+.1f}"
        )
        best = max(best, (f1, choice)) if changed <= MOST else best
    print(f"best: odds {best[1][0]}, pixel {best[1][1]}, rim {best[1][2]}: F1 {best[0]:.3f}")


if __name__ == "__main__":
    main()
