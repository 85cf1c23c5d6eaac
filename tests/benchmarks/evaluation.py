"""How long `colorize eval` takes beside the network alone and the reading of the files.

Run:  python tests/benchmarks/evaluation.py [--photos 1000] [--model mini]
Goal: at 256 pixels with psnr, ssim, colorfulness and delta_e at most 1.5 times the two together
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

from colorize_cli.evaluation.evaluate import EvalSettings, evaluate
from colorize_cli.evaluation.truths import find_references
from colorize_cli.inference.devices import pick_device
from colorize_cli.inference.predictor import Predictor, Request
from colorize_cli.models.load import load_model

GOAL = 1.5


def make_photos(folder: Path, count: int) -> None:
    rng = np.random.default_rng(0)
    for i in range(count):
        small = rng.integers(0, 256, (16, 16, 3), dtype=np.uint8)
        photo = cv2.resize(small, (256, 256), interpolation=cv2.INTER_CUBIC)
        cv2.imwrite(str(folder / f"{i:05}.jpg"), photo, [cv2.IMWRITE_JPEG_QUALITY, 90])


def measured(work: Callable[[], object]) -> tuple[float, float]:
    """Wall and processor seconds."""
    wall, processor = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - wall, time.process_time() - processor


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--photos", type=int, default=1000)
    parser.add_argument("--model", default="mini")
    parser.add_argument("--device", default="auto")
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make_photos(folder, wanted.photos)
        colorizer = Predictor(load_model(wanted.model), pick_device(wanted.device))
        request = Request(np.full((256, 256), 50, np.float32))
        colorizer.predict([request] * colorizer.batch)  # the first pass is slower

        reading = measured(lambda: [reference.read() for reference in find_references(name)])
        passes = -(-wanted.photos // 8)
        network = measured(lambda: [colorizer.predict([request] * 8) for _ in range(passes)])
        network = tuple(seconds * wanted.photos / (passes * 8) for seconds in network)
        whole = measured(lambda: evaluate(EvalSettings(models=(wanted.model,), data=name, device=wanted.device)))
    print(f"{wanted.photos} photos of 256 pixels, {wanted.model}")
    for i, kind in enumerate(("wall", "processor")):
        ratio = whole[i] / (reading[i] + network[i])
        times = f"reading {reading[i]:.2f}, network {network[i]:.2f}, eval {whole[i]:.2f}"
        print(f"{kind} seconds: {times}, ratio {ratio:.2f}, goal {GOAL}: {'met' if ratio <= GOAL else 'MISSED'}")


if __name__ == "__main__":
    main()
