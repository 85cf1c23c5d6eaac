"""Photos a second by the local engine and by Ray on the same cores; and what 100 million photos take.

In:  how many photos, of how many megapixels; or the CPU time of a photo, as `throughput.py` prints it
Out: photos/s of each, between the first quarter and the last photo; their ratio; machines, hours, traffic, on stdout

    python tests/benchmarks/engines.py                     # 40 photos, each engine in turn, 3 times: under 3 minutes
    python tests/benchmarks/engines.py --plan 0.248        # the plan alone
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from colorize_cli.files.machine import cores

PHOTOS = 100_000_000
MEGABYTES = 5.0  # of a grey JPEG of 12 megapixels, and about as many of its result
DOLLARS = 0.04  # a core hour: an assumption, not a figure of anybody's price list
REQUESTS = 15  # to a store, a photo, counted on an S3 server; 4 where it is skipped
ENGINES = {"local": (), "ray": ("--engine", "ray")}


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--photos", type=int, default=40)
    parser.add_argument("--megapixels", type=float, default=12.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--model", default="mini")
    parser.add_argument("--plan", type=float, metavar="CPU-SECONDS", help="of a photo: print the plan alone")
    options = parser.parse_args(arguments)
    if options.plan:
        plan(options.plan)
        return
    started = time.monotonic()
    rates: dict[str, list[float]] = {name: [] for name in ENGINES}
    with tempfile.TemporaryDirectory() as folder:
        top = Path(folder)
        make(top / "in", options.photos, options.megapixels)
        for number in range(options.rounds):  # in turn, and each first in turn: the machine may change meanwhile
            for name in sorted(ENGINES, reverse=bool(number % 2)):
                out = top / f"{name}-{number}"
                rates[name].append(rate(top / "in", out, "--model", options.model, *ENGINES[name]))
                shutil.rmtree(out)
    for name, found in rates.items():
        each = ", ".join(f"{one:.2f}" for one in found)
        print(f"{name}: {statistics.median(found):.2f} photos/s ({each})")
    ratios = [ray / local for ray, local in zip(rates["ray"], rates["local"], strict=True)]
    print(f"ratio: {statistics.median(ratios):.2f} ({', '.join(f'{one:.2f}' for one in ratios)}), on {cores()} cores")
    print(f"took {time.monotonic() - started:.0f} s")


def make(folder: Path, photos: int, megapixels: float) -> None:
    """Grey pictures with grain, as scans have it."""
    folder.mkdir()
    side = int((megapixels * 1e6 / 12) ** 0.5)
    size = (4 * side, 3 * side)
    rng = np.random.default_rng(0)
    for number in range(min(photos, 6)):
        small = Image.fromarray(rng.integers(20, 235, (9, 12), np.uint8)).resize(size, Image.Resampling.BICUBIC)
        grain = rng.normal(0, 6, (size[1], size[0])).astype(np.float32)
        pixels = np.clip(np.asarray(small, np.float32) + grain, 0, 255).astype(np.uint8)
        Image.fromarray(pixels).save(folder / f"{number}.jpg", quality=88)
    for number in range(6, photos):
        (folder / f"{number}.jpg").write_bytes((folder / f"{number % 6}.jpg").read_bytes())


def rate(source: Path, out: Path, *more: str) -> float:
    """Photos a second of a run, by when its results were there; how long it takes to begin does not count."""
    command = [sys.executable, "-m", "colorize_cli", str(source), "--out", str(out), "--device", "cpu", "-q", *more]
    subprocess.run(command, check=True)
    times = sorted(path.stat().st_ctime for path in out.glob("*.jpg"))
    first = len(times) // 4
    return (len(times) - 1 - first) / (times[-1] - times[first])


def plan(seconds: float) -> None:
    """Machines, hours, traffic and cost for 100 million photos, from the CPU time of one."""
    hours = PHOTOS * seconds / 3600
    print(f"{PHOTOS:,} photos of {seconds:.3f} CPU s: {hours:,.0f} core hours, {1 / seconds:.2f} photos/s a core")
    print(f"  {hours * DOLLARS:,.0f} dollars at {DOLLARS} a core hour; {REQUESTS * PHOTOS / 1e6:,.0f} million requests")
    each = 64
    for machines in (2, 5, 16):
        took = hours / (machines * each)
        gbit = 2 * PHOTOS * MEGABYTES * 8 / 1000 / (took * 3600)
        rate = f"{gbit:.0f} Gbit/s in and out, in all; {gbit / machines:.1f} a machine"
        print(f"  {machines} machines of {each} cores: {took:,.1f} hours; {rate}")
    print(f"  a network of 10 Gbit/s keeps {10 / (2 * MEGABYTES * 8 / 1000 / seconds):.0f} cores busy")


if __name__ == "__main__":
    main()
