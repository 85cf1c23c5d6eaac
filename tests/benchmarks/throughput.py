"""Photos per second of `colorize`, beside the floor: the same files only decoded to grey and encoded as RGB.

    python tests/benchmarks/throughput.py [--photos 48] [--megapixels 12] [--source DIR] [--model mini]

Makes JPEGs of grey, grainy photos from color ones (scikit-image's samples where no folder is given), runs
`colorize` on them in a process of its own, and the floor in another; prints both and their ratio.
"""

from __future__ import annotations

import argparse
import compileall
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

ROOT = Path(__file__).resolve().parents[2]


def color_photos(folder: Path | None) -> list[NDArray[np.uint8]]:
    if folder is not None:
        return [cv2.imread(str(file)) for file in sorted(folder.iterdir())[:48]]
    from skimage import data

    return [data.astronaut()[..., ::-1], data.coffee()[..., ::-1], data.chelsea()[..., ::-1]]


def make_photos(folder: Path, source: Path | None, count: int, megapixels: float) -> None:
    rng = np.random.default_rng(0)
    photos = color_photos(source)
    for i in range(count):
        grey = cv2.cvtColor(photos[i % len(photos)], cv2.COLOR_BGR2GRAY)
        scale = (megapixels * 1e6 / grey.size) ** 0.5
        large = cv2.resize(grey, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
        grain = rng.normal(0, 4, large.shape).astype(np.float32)
        noisy = np.clip(large + cv2.GaussianBlur(grain, (0, 0), 0.8) * 1.5, 0, 255).astype(np.uint8)
        cv2.imwrite(str(folder / f"{i:03}.jpg"), noisy, [cv2.IMWRITE_JPEG_QUALITY, 92])


def floor(folder: Path, out: Path) -> None:
    """What no colorizer can avoid: decode to grey, encode RGB at the same quality and subsampling."""
    from PIL import Image

    for file in sorted(folder.glob("*.jpg")):
        with Image.open(file) as image:
            image.load()
            image.convert("RGB").save(out / file.name, quality=92, subsampling="4:2:0")


# A process inherits the peak of the one that starts it, and this one has held large pictures: so a lean one is between.
_MEASURE = """
import json, resource, subprocess, sys
subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(json.dumps({"cpu": used.ru_utime + used.ru_stime, "peak_mb": used.ru_maxrss / 1024}))
"""


def measured(command: list[str]) -> dict[str, float]:
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    started = time.perf_counter()
    between = [sys.executable, "-c", _MEASURE, *command]
    done = subprocess.run(between, check=True, env=environment, stdout=subprocess.PIPE)
    return {"wall": time.perf_counter() - started, **json.loads(done.stdout)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=int, default=48)
    parser.add_argument("--megapixels", type=float, default=12.0)
    parser.add_argument("--source", type=Path)
    parser.add_argument("--model", default="mini")
    parser.add_argument("--floor", nargs=2, type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.floor:
        floor(*options.floor)
        return
    with tempfile.TemporaryDirectory() as scratch:
        photos, out = Path(scratch, "photos"), Path(scratch, "floor")
        photos.mkdir(), out.mkdir()
        make_photos(photos, options.source, options.photos, options.megapixels)
        own = [sys.executable, __file__, "--floor", str(photos), str(out)]
        empty = Path(scratch, "one")
        empty.mkdir()
        os.link(photos / "000.jpg", empty / "000.jpg")
        tool = [sys.executable, "-m", "colorize_cli", "--quiet", "--model", options.model]
        compileall.compile_dir(ROOT / "colorize_cli", quiet=1)  # as an installer does
        results = {"floor": measured(own)}
        results["start"] = measured([*tool, str(empty), "--out", str(Path(scratch, "first"))])
        results["colorize"] = measured([*tool, str(photos), "--out", str(Path(scratch, "colored"))])
        written = len(list(Path(scratch, "colored").glob("*.jpg")))
    assert written == options.photos, f"{written} of {options.photos} written"
    for name in ("floor", "colorize"):
        row = results[name]
        print(
            f"{name:9} {options.photos / row['wall']:6.2f} photos/s  {row['cpu'] / options.photos:6.3f} CPU s/photo  "
            f"both cores {row['cpu'] / row['wall'] / (os.cpu_count() or 1):4.0%}  peak {row['peak_mb']:6.0f} MB"
        )
    floor_cpu = results["floor"]["cpu"] / options.photos
    rest = (results["colorize"]["cpu"] - results["start"]["cpu"]) / (options.photos - 1)
    whole = results["colorize"]["cpu"] / options.photos
    print(f"CPU time against the floor: {whole / floor_cpu:.2f} with start-up, {rest / floor_cpu:.2f} without")
    steady = {key: results["colorize"][key] - results["start"][key] for key in ("cpu", "wall")}
    print(f"both cores without start-up: {steady['cpu'] / steady['wall'] / (os.cpu_count() or 1):.0%}")
    print(json.dumps(results))


if __name__ == "__main__":
    main()
