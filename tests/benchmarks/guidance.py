"""CPU time of each way to guide the colors of one photo of 12 megapixels, on one thread, from file to file.

    python tests/benchmarks/guidance.py MODEL [PHOTO [REFERENCE]]

Printed: CPU seconds of the whole command's work without loading the model, and the ratio to the plain network.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from PIL import Image

from colorize_cli.inference import loading
from colorize_cli.inference.option_values import Method
from colorize_cli.inference.photo_options import GuidanceOptions
from colorize_cli.models import load
from colorize_cli.models.load import load_model
from colorize_cli.models.onnx.load_onnx import load_onnx
from colorize_cli.pipeline.colorizer import Colorizer
from colorize_cli.pipeline.run_options import BatchOptions

HEIGHT, WIDTH = 3000, 4000


def clouds(seed: int) -> np.ndarray:
    """A color picture with detail at every scale."""
    rng = np.random.default_rng(seed)
    planes = [cv2.resize(rng.normal(0, s, (HEIGHT // s, WIDTH // s, 3)), (WIDTH, HEIGHT)) for s in (4, 40, 400)]
    total = sum(planes)
    return np.clip(128 + 50 * total / total.std(), 0, 255).astype(np.uint8)


def main() -> None:
    torch.set_num_threads(1)
    graph = load_onnx(sys.argv[1])  # loaded once for all ways
    model = None if graph is not None else load_model(sys.argv[1])
    loading.load_onnx = lambda _: graph  # type: ignore[assignment]
    load.load_model = lambda *_: model  # type: ignore[assignment]
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        (place / "in").mkdir()
        photo = Image.open(sys.argv[2]).convert("L") if len(sys.argv) > 2 else Image.fromarray(clouds(0)).convert("L")
        photo.resize((WIDTH, HEIGHT)).save(place / "in" / "a.jpg", quality=90)
        reference = Path(sys.argv[3]) if len(sys.argv) > 3 else place / "reference.png"
        if len(sys.argv) <= 3:
            Image.fromarray(clouds(1)[::4, ::4]).save(reference)
        rng = np.random.default_rng(0)
        points = [
            {"x": float(x), "y": float(y), "color": color}
            for x, y, color in zip(rng.random(10), rng.random(10), ["#804020", "#3060a0"] * 5, strict=True)
        ]
        (place / "a.hints.json").write_text(json.dumps({"unit": "fraction", "points": points}))
        hints = place / "a.hints.json"
        ways: dict[str, dict[str, Any]] = {
            "network": {},
            "network, 10 hints": {"hints": hints},
            "levin, 10 hints": {"hints": hints, "method": Method.levin},
            "network, reference": {"reference": reference},
            "welsh": {"reference": reference, "method": Method.welsh},
            "charpiat": {"reference": reference, "method": Method.charpiat},
            "network, 4 variants": {"variants": 4},
            "network, consistent": {"consistent": True},
        }
        plain = 0.0
        for number, (name, options) in enumerate([("once, for the tables", {}), *ways.items()]):
            batch = BatchOptions(photos=(str(place / "in"),), out=place / str(number), jobs=1)
            started = time.process_time()
            run = Colorizer(device="cpu", on_color="recolor").run(batch, guidance=GuidanceOptions(**options))
            report = run.finish()
            seconds = time.process_time() - started
            assert report.exit_status == 0, report.failures
            if number:
                plain = plain or seconds
                print(f"{name:22} {seconds:6.2f} s CPU  x{seconds / plain:.2f}")


if __name__ == "__main__":
    main()
