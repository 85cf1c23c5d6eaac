"""How the cost of a photo grows with its size, 12 to 400 megapixels: linearly within 10 % once the fixed cost is off?

    python tests/benchmarks/growth.py [--only jpeg-8,png-8] [--sizes 12,25,50,100,200,400] [--sources DIR] [--runs 3]

One grey, grainy photo is enlarged to every size and written in every layout, sizes below 100 megapixels several
times, so that each run has about as much to do. `colorize` runs on them in a process of its own. From its CPU time
the start's is taken off, which follows from runs on one and on nine tiny photos; a line, fixed cost a photo and cost
a megapixel, is laid through the rest by relative least squares. Shown is how far each size is off that line, as a
share of what grows.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scans import LAYOUTS, Mosaic, photos, run

SIZES = "12,25,50,100,200,400"  # megapixels
KINDS = "jpeg-8,png-8,strips-8,deflate-tiles-8,deflate-tiles-16"
ENOUGH = 100  # megapixels of a run, at least
TINY = 0.3  # megapixels


@dataclass(frozen=True)
class Cost:
    """Of one photo of a size: CPU and wall seconds, without the program's start."""

    megapixels: float
    cpu: float
    wall: float


def source_of(kind: str, megapixels: float, folder: Path) -> Path:
    """A photo of a kind and size; made where it is not there."""
    layout, _, bits = kind.rpartition("-")
    suffix, write = LAYOUTS[layout]
    path = folder / f"{kind}-{megapixels:g}.{suffix}"
    if not path.exists():
        write(Mosaic(photos(None), round((megapixels * 1e6) ** 0.5), bits == "16", across=1), path)
    return path


def copies(path: Path, count: int, folder: Path) -> list[Path]:
    """The same photo in several files; links, of which symbolic ones would count as one photo."""
    paths = [folder / f"{path.stem}-{count}-{i}{path.suffix}" for i in range(count)]
    for copy in paths:
        if not copy.exists():
            os.link(path, copy)
    return paths


def least(batches: list[list[Path]], out: Path, runs: int) -> list[dict[str, float]]:
    """The least that each batch took in some runs, since whatever else the machine does adds to it.

    All take turns, so that a slow minute of the machine falls on all of them.
    """
    turns = [[run(sources, out, []) for sources in batches] for _ in range(runs)]
    if any(row["code"] for turn in turns for row in turn):
        raise SystemExit(f"{batches[0][0]} or another failed")
    return [{name: min(row[name] for row in rows) for name in ("cpu", "wall")} for rows in zip(*turns, strict=True)]


def fitted(costs: list[Cost], which: str) -> tuple[float, float]:
    """Fixed cost, not below none, and cost a megapixel; each size's relative error counts alike."""
    x, y = (np.array([getattr(cost, name) for cost in costs]) for name in ("megapixels", which))
    slope, fixed = np.polyfit(x, y, 1, w=1 / y)
    if fixed < 0:
        fixed, slope = 0.0, float((x / y).sum() / ((x / y) ** 2).sum())
    return float(fixed), float(slope)


def judged(kind: str, costs: list[Cost]) -> None:
    for which in ("cpu", "wall"):
        fixed, slope = fitted(costs, which)
        print(f"{kind} {which}: {fixed:.2f} s a photo + {1000 * slope:.1f} ms a megapixel")
        off = [(getattr(c, which) - fixed) / (slope * c.megapixels) - 1 for c in costs]
        for cost, share in zip(costs, off, strict=True):
            print(f"  {cost.megapixels:5.0f} MP  {getattr(cost, which):7.2f} s  {share:+7.1%}")
        worst = max(map(abs, off))
        print(
            f"  {'linear within 10 %' if worst <= 0.1 else 'NOT linear within 10 %'}: {worst:.1%} at most", flush=True
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default=KINDS)
    parser.add_argument("--sizes", default=SIZES)
    parser.add_argument("--sources", type=Path, help="where the photos are kept; a folder that goes afterwards")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--make", action="store_true", help="only make the photos")
    options = parser.parse_args()
    sizes = [float(size) for size in options.sizes.split(",")]
    with tempfile.TemporaryDirectory() as scratch:
        folder = options.sources or Path(scratch, "sources")
        given = folder / "given"
        given.mkdir(parents=True, exist_ok=True)
        for kind in options.only.split(","):
            made = {size: source_of(kind, size, folder) for size in (TINY, *sizes)}
            if options.make:
                continue
            counts = [max(1, round(ENOUGH / size)) for size in sizes]
            batches = [copies(made[TINY], count, given) for count in (1, 9)]
            batches += [copies(made[size], count, given) for size, count in zip(sizes, counts, strict=True)]
            one, nine, *rows = least(batches, Path(scratch, "out"), options.runs)
            start = {name: one[name] - (nine[name] - one[name]) / 8 for name in ("cpu", "wall")}
            costs = [
                Cost(size, (row["cpu"] - start["cpu"]) / count, (row["wall"] - start["wall"]) / count)
                for size, count, row in zip(sizes, counts, rows, strict=True)
            ]
            judged(kind, costs)


if __name__ == "__main__":
    main()
