"""Choose the ends and the default of `--vividness` for a trained checkpoint, on photos held out of its training.

    python tests/benchmarks/vividness.py CHECKPOINT DATA [DATA ...] [--write OUT.safetensors]

DATA: the data sets of the training, in its order; the photos that a hash of their names holds out are measured, centre
crops, at `--size` pixels. Vividness 0 is the exponent and temperature of `decode` with the best PSNR; vividness 1 the
best PSNR at `--full` of the truth's colorfulness; the default the most vivid level whose PSNR is `--gain` dB above that
of grey. Photos held out of the training have relatives in it and flatter: others (`--val 1`) choose the default.
`--write` exports the checkpoint in float16 with what was chosen.
"""

from __future__ import annotations

import argparse
import itertools
from dataclasses import replace
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from colorize_cli.color.gpu import split
from colorize_cli.data.dataset import open_photos
from colorize_cli.data.dataset import split as split_photos
from colorize_cli.data.transforms import centre_crop
from colorize_cli.evaluation.pixel import colorfulness, delta_e, psnr
from colorize_cli.models.checkpoint import load_strictly, read_info, read_tensors, save_checkpoint
from colorize_cli.models.networks.binned import Binned
from colorize_cli.models.networks.normed import fold_batch_norms
from colorize_cli.training.outputs import build_generator
from colorize_cli.training.validation import join_clipped

EXPONENTS = (1.6, 1.3, 1.0, 0.6, 0.3, 0.0, -0.3, -0.6, -0.87, -1.1)
TEMPERATURES = (0.3, 0.36, 0.45, 0.6, 0.8)
BATCH = 16


class Measured:
    """Held-out crops with the network's logits, and what each reading of them scores."""

    def __init__(self, network: Binned, truths: Tensor) -> None:
        self.network, self.truths = network, truths
        self.lightness = torch.cat([split(part / 255)[0] for part in truths.split(BATCH)])
        self.logits = torch.cat([network(part)[0].half() for part in self.lightness.split(BATCH)])
        self.grey = self._scores(torch.zeros_like(truths[:, :2]), True)
        self.colorfulness = float(colorfulness(truths).mean())

    def _scores(self, ab: Tensor, errors: bool) -> tuple[float, float, float]:
        psnrs, vivid, error = 0.0, 0.0, 0.0
        for start in range(0, len(ab), BATCH):
            part = slice(start, start + BATCH)
            preds, truth = join_clipped(self.lightness[part], ab[part]), self.truths[part]
            psnrs += float(psnr(preds, truth).sum())
            vivid += float(colorfulness(preds).sum())
            error += float(delta_e(preds, truth).sum()) if errors else 0.0
        return psnrs / len(ab), vivid / len(ab), error / len(ab)

    def at(self, exponent: float, temperature: float, errors: bool = False) -> tuple[float, float, float]:
        """PSNR over grey's, dB; share of the truth's colorfulness; CIEDE2000 over grey's, a factor."""
        size = self.truths.shape[-2:]
        ab = [self.network.decode(part.float(), exponent, temperature) for part in self.logits.split(BATCH)]
        fine = F.interpolate(torch.cat(ab), size=size, mode="bilinear")
        found = self._scores(fine, errors)
        return found[0] - self.grey[0], found[1] / self.colorfulness, found[2] / self.grey[2]


def held_out(paths: list[Path], short_side: int, size: int, val: float, limit: int) -> Tensor:
    """Centre crops of the photos that training held out: sRGB, (N, 3, size, size), [0, 255]."""
    crops: list[Tensor] = []
    for path in paths:
        photos = open_photos(path, short_side)
        chosen = split_photos(photos, val)[1]
        step = max(1, len(chosen) * len(paths) // limit)
        crops += [torch.from_numpy(centre_crop(photos.rgb(i), size)) for i in chosen[::step]]
    return torch.stack(crops).permute(0, 3, 1, 2).float()


@torch.inference_mode()
def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("data", type=Path, nargs="+")
    parser.add_argument("--short-side", type=int, default=160)
    parser.add_argument("--size", type=int, default=160)
    parser.add_argument("--val", type=float, default=0.02)
    parser.add_argument("--limit", type=int, default=400)
    parser.add_argument("--full", type=float, default=1.0)
    parser.add_argument("--gain", type=float, default=0.2)
    parser.add_argument("--write", type=Path)
    args = parser.parse_args()
    info = read_info(args.checkpoint)
    info = read_info(args.checkpoint)
    network = load_strictly(
        build_generator(info.network, info.arguments), read_tensors(args.checkpoint), str(args.checkpoint)
    )
    assert isinstance(network, Binned)
    fold_batch_norms(network)
    measured = Measured(network, held_out(args.data, args.short_side, args.size, args.val, args.limit))
    print(f"{len(measured.truths)} photos; grey {measured.grey[0]:.2f} dB; truth {measured.colorfulness:.1f}")
    table = {how: measured.at(*how) for how in itertools.product(EXPONENTS, TEMPERATURES)}
    safest = max(table, key=lambda how: table[how][0])
    most = max((how for how in table if table[how][1] >= args.full), key=lambda how: table[how][0])
    print(f"vividness 0: exponent {safest[0]}, temperature {safest[1]}")
    print(f"vividness 1: exponent {most[0]}, temperature {most[1]}")
    best, before = 0.0, 0.0
    for step in range(21):
        level = step / 20
        gain, share, error = measured.at(
            *(a + (b - a) * level for a, b in zip(safest, most, strict=True)), errors=step % 5 == 0
        )
        said = f"  CIEDE2000 {error:.3f} of grey's" if step % 5 == 0 else ""
        print(f"{level:.2f}  {gain:+.2f} dB  {share:.2f} of the truth's colorfulness{said}")
        if share < before:
            print("      less colorful than the level below: the slider is not monotone")
        before = share
        best = level if gain >= args.gain else best
    print(f"default: {best:.2f}")
    if args.write:
        how = {"vividness": best, "safest": list(safest), "most_vivid": list(most)}
        save_checkpoint(
            args.write, read_tensors(args.checkpoint), replace(info, arguments={**info.arguments, **how}), torch.float16
        )


if __name__ == "__main__":
    main()
