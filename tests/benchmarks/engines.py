"""Photos a second by the local engine and by Ray on the same cores, and what 100 million photos take at that rate.

In:  how many photos, of how many megapixels
Out: photos/s of each, between the first quarter and the last photo, their ratio; hours and machines, on stdout

    python tests/benchmarks/engines.py
    python tests/benchmarks/engines.py --plan 2.0          # the plan alone, from a rate that was measured
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

from colorize_cli.files.machine import cores

PHOTOS = 100_000_000
MEGABYTES = 5.0  # of a grey JPEG of 12 megapixels, and about as many of its result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--photos", type=int, default=160)
    parser.add_argument("--megapixels", type=float, default=12.0)
    parser.add_argument("--plan", type=float, metavar="PHOTOS/S", help="of one core")
    arguments = parser.parse_args()
    if arguments.plan:
        plan(arguments.plan)
        return
    with tempfile.TemporaryDirectory() as folder:
        top = Path(folder)
        make(top / "in", arguments.photos, arguments.megapixels)
        rates = {name: rate(top / "in", top / name, *more) for name, more in ENGINES.items()}
    for name, found in rates.items():
        print(f"{name}: {found:.2f} photos/s")
    print(f"ratio: {rates['ray'] / rates['local']:.2f}, on {cores()} cores")
    plan(rates["local"] / cores())


ENGINES = {"local": (), "ray": ("--engine", "ray")}


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


def plan(per_core: float) -> None:
    """Machines, hours and traffic for 100 million photos, from photos a second of one core."""
    core_hours = PHOTOS / per_core / 3600
    print(f"{PHOTOS:,} photos at {per_core:.2f} photos/s a core: {core_hours:,.0f} core hours")
    for machines, each in ((2, 64), (5, 64), (16, 64)):
        hours = core_hours / (machines * each)
        gbit = 2 * PHOTOS * MEGABYTES * 8 / 1000 / (hours * 3600)
        print(f"  {machines} machines of {each} cores: {hours:,.0f} hours; {gbit:.1f} Gbit/s in and out, in all")


if __name__ == "__main__":
    main()
