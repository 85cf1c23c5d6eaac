"""CPU time of networks by torch, with and without Winograd's convolutions, and by ONNX Runtime, one thread each.

    python tests/benchmarks/backends.py [--rounds 5] [NAME ...]

Names are those of `colorize models list`; weights are drawn, since time does not depend on them. The ways take turns,
so that what else the machine does meets all of them.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from colorize_cli.inference.backends.onnx import OnnxBackend  # noqa: E402
from colorize_cli.inference.backends.torch import TorchBackend  # noqa: E402
from colorize_cli.inference.export import traced_model  # noqa: E402
from colorize_cli.models.catalog import catalogue  # noqa: E402
from colorize_cli.models.load import LoadedModel  # noqa: E402
from colorize_cli.models.networks import normed, winograd  # noqa: E402
from colorize_cli.models.onnx.load_onnx import OnnxModel  # noqa: E402
from tests.models.fill import fill  # noqa: E402


def filled(name: str) -> LoadedModel:
    """A network with drawn weights."""
    spec = catalogue().get(name)
    generator = spec.build()
    with torch.no_grad():
        generator.load_state_dict(fill(generator.state_dict()))
        normed.fold_norms(generator.eval())
    return LoadedModel(name, spec, generator.requires_grad_(False), "0" * 64)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", default=["eccv16", "siggraph17", "ddcolor-tiny", "deoldify-artistic"])
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    torch.set_num_threads(1)
    suits = winograd.suits
    for name in options.names:
        model = filled(name)
        contract, encoded = traced_model(model)
        by_onnx = OnnxBackend(OnnxModel(name, contract, encoded, "0" * 64))
        del encoded
        by_torch = TorchBackend(model)
        sizes = model.spec.sizes
        shape = (sizes.short_side, sizes.short_side if sizes.square else sizes.short_side * 3 // 2)
        planes = np.tile(np.linspace(5, 95, shape[1], dtype=np.float32), (1, 1, shape[0], 1))

        def with_winograd(wanted: bool, ask: TorchBackend, given: np.ndarray) -> None:
            normed.suits = winograd.suits = suits if wanted else lambda *_: False  # type: ignore[attr-defined]
            ask.colors(0, None, given)

        ways: dict[str, Callable[[], object]] = {
            "torch, Winograd": lambda ask=by_torch, given=planes: with_winograd(True, ask, given),  # type: ignore[misc]
            "torch": lambda ask=by_torch, given=planes: with_winograd(False, ask, given),  # type: ignore[misc]
            "ONNX Runtime": lambda ask=by_onnx, given=planes: ask.colors(0, None, given),  # type: ignore[misc]
        }
        spent: dict[str, list[float]] = {way: [] for way in ways}
        for _ in range(options.rounds + 1):
            for way, run in ways.items():
                started = time.process_time()
                run()
                spent[way].append(time.process_time() - started)
        medians = {way: statistics.median(found[1:]) for way, found in spent.items()}
        shown = ", ".join(f"{way} {1000 * seconds:.0f} ms" for way, seconds in medians.items())
        gain = medians["ONNX Runtime"] / medians["torch, Winograd"]
        print(f"{name} {shape[0]} x {shape[1]}: {shown}; Winograd {gain:.2f} times as fast as ONNX Runtime")


if __name__ == "__main__":
    main()
