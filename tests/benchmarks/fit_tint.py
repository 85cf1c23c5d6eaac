"""Fit the odds of a photo in color to measured variants, test them on photos that the fit did not see, keep them.

    python tests/benchmarks/fit_tint.py SAMPLES... [--splits N] [--write FILE] [--seed N]

SAMPLES are files that `tint_samples.py` wrote. The photos are dealt into N parts by their names; each part is judged by
a fit to the other parts. With --write, a fit to all of them is kept (colorize_cli/assets/tint.safetensors).

Fitted is a mean of small networks: measures, made comparable and bounded, to 24 hidden units to one logarithm of odds.
Untouched photos in color count most, as theirs is the error that loses something.
"""

from __future__ import annotations

import argparse
import json
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.numpy import save_file

from colorize_cli.color.tint_odds import BOUND

MEMBERS, HIDDEN, STEPS, DECAY = 6, 24, 500, 0.05
WORTH = {"color": 6.0, "muted": 1.0, "grey": 1.0, "toned": 1.5, "faded": 3.0, "mixed": 4.0, "aged": 0.5, "print": 24.0}
COLORED = ("color", "muted")
Rows = list[dict[str, float | str]]


def fit(
    z: NDArray[np.float64], y: NDArray[np.bool_], weight: NDArray[np.float64], seed: int
) -> dict[str, NDArray[np.float32]]:
    """Fit the networks to comparable measures, (n, k), all at once."""
    torch.manual_seed(seed)
    x, truth = torch.from_numpy(z).float(), torch.from_numpy(y).float()
    worth = torch.from_numpy(weight / weight.mean()).float()
    shapes = ((MEMBERS, x.shape[1], HIDDEN), (MEMBERS, 1, HIDDEN), (MEMBERS, HIDDEN, 1), (MEMBERS, 1, 1))
    parts = [torch.randn(shape) * (0.5 / shape[1] ** 0.5 if shape[1] > 1 else 0.0) for shape in shapes]
    for part in parts:
        part.requires_grad_(True)
    optimizer = torch.optim.AdamW(parts, lr=0.01, weight_decay=DECAY)
    pace = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, STEPS)
    draws = torch.distributions.Poisson(torch.ones(MEMBERS, len(x))).sample()  # each network sees a draw of its own
    for _ in range(STEPS):
        answer = (torch.tanh(x @ parts[0] + parts[1]) @ parts[2] + parts[3])[..., 0]
        loss = torch.nn.functional.binary_cross_entropy_with_logits(
            answer, truth.expand_as(answer), weight=worth * draws, reduction="none"
        )
        optimizer.zero_grad()
        loss.mean(1).sum().backward()
        optimizer.step()
        pace.step()
    return dict(zip(("w1", "b1", "w2", "b2"), (part.detach().numpy() for part in parts), strict=True))


def odds(parts: dict[str, NDArray[np.float32]], z: NDArray[np.float64]) -> NDArray[np.float64]:
    found = np.tanh(z @ parts["w1"] + parts["b1"]) @ parts["w2"] + parts["b2"]
    return np.asarray(found[..., 0].mean(0))


def comparable(x: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    mean, spread = x.mean(0), x.std(0) + 1e-6
    return np.clip((x - mean) / spread, -BOUND, BOUND), mean, spread


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("samples", type=Path, nargs="+", metavar="SAMPLES")
    parser.add_argument("--splits", type=int, default=4, metavar="N")
    parser.add_argument("--write", type=Path, metavar="FILE")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    rows: Rows = []
    origin: list[str] = []
    for file in options.samples:
        some = [json.loads(line) for line in file.read_text().splitlines()]
        rows += some
        origin += [file.stem] * len(some)
    names = sorted(set(rows[0]) - {"kind", "how", "name"})
    x = np.array([[float(row[name]) for name in names] for row in rows])
    kind = np.array([row["kind"] for row in rows])
    y = np.isin(kind, COLORED)
    weight = np.array([WORTH[str(one)] for one in kind])
    z, mean, spread = comparable(x)
    part = np.array([zlib.crc32(str(row["name"]).encode()) % options.splits for row in rows])
    found = np.zeros(len(rows))
    for number in range(options.splits):
        seen = part != number
        found[~seen] = odds(fit(z[seen], y[seen], weight[seen], options.seed), z[~seen])
    report(found, y, kind, np.array(origin), rows)
    if options.write:
        whole = fit(z, y, weight, options.seed)
        numbers = {"mean": mean, "spread": spread, **whole}
        numbers = {key: np.ascontiguousarray(value, np.float32) for key, value in numbers.items()}
        save_file(numbers, options.write, {"names": json.dumps(names)})


def report(
    found: NDArray[np.float64], y: NDArray[np.bool_], kind: NDArray[np.str_], origin: NDArray[np.str_], rows: Rows
) -> None:
    print(
        f"{'kind':8}"
        + "".join(f"{one:>12}" for one in sorted(set(origin)))
        + "   right of photos not seen, at 0 and -0.7"
    )
    for one in WORTH:
        line = f"{one:8}"
        for source in sorted(set(origin)):
            some = (kind == one) & (origin == source)
            rates = [100 * float(((found > limit) == y)[some].mean()) if some.any() else 100 for limit in (0.0, -0.7)]
            line += f"{rates[0]:6.1f}{rates[1]:6.1f}"
        print(line)
    wrong = (found < 0) & (kind == "color")
    worst: Sequence[int] = [int(i) for i in np.argsort(np.where(wrong, found, 0))[:25] if wrong[i]]
    for i in worst:
        print(f"    {rows[i]['name']}: {rows[i]['how']}: {found[i]:+.1f}")


if __name__ == "__main__":
    main()
