"""Fit the two small networks of `assets/light.safetensors`: the light on a photo, and whether it is a negative.

    python -m tests.benchmarks.fit_light SHARDS... --out light.safetensors [--minutes 60 8] [--seed 0]

SHARDS are tar files of photos in color, as `colorize train` takes them. Photos are made grey, lit, and a few of them
stained, by `data.print_degradations`; a share is left as it is, so that the network learns what light is the scene's
own. A network that OUT has already is gone on with; what it sees more than before weighs nothing at first. At the end
the share of the light that is left on photos that were not fitted on is told.
"""

from __future__ import annotations

import argparse
import io
import tarfile
import time
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from safetensors.numpy import load_file, save_file
from torch import Tensor, nn

from colorize_cli.data.degradations import noisy
from colorize_cli.data.print_degradations import faded, stained, unevenly_lit
from colorize_cli.restore.small_networks import FINE, SIDE, SURFACES, light_input

LIGHT = ((6, 16), (16, 32), (32, 48), (48, 64), (64, 64), (112, 48), (80, 32), (48, 16), (16, 1))
POLARITY = ((1, 16), (16, 32), (32, 48), (48, 64), (64, 1))
PHOTO = 224  # pixels a side of those in SHARDS that show enough
_LEAST = 1e-4  # mean square of what is left below which it weighs less
Plane = NDArray[np.float32]


def photos_of(shards: list[Path], most: int, side: int = PHOTO) -> NDArray[np.uint8]:
    """RGB photos, (n, side, side, 3), squeezed to squares; of those that have so many pixels."""
    found = []
    for shard in shards:
        with tarfile.open(shard) as tar:
            for member in tar:
                if not member.name.endswith((".webp", ".jpg", ".png")) or "tinyimagenet" in member.name:
                    continue
                image = Image.open(io.BytesIO(tar.extractfile(member).read())).convert("RGB")  # type: ignore[union-attr]
                if min(image.size) < side:
                    continue
                found.append(cv2.resize(np.asarray(image), (side, side), interpolation=cv2.INTER_AREA))
                if len(found) >= most:
                    return np.stack(found)
    return np.stack(found)


class Convolutions(nn.Module):
    """Convolutions over 3 x 3 pixels with batch norms between them; `light` has the shape of a U."""

    def __init__(self, plan: tuple[tuple[int, int], ...]) -> None:
        super().__init__()
        last = len(plan) - 1
        self.convolutions = nn.ModuleList(nn.Conv2d(a, b, 3, padding=1, padding_mode="replicate") for a, b in plan)
        self.norms = nn.ModuleList(nn.Identity() if i == last else nn.BatchNorm2d(b) for i, (_, b) in enumerate(plan))

    def step(self, x: Tensor, number: int, stride: int = 1) -> Tensor:
        conv = self.convolutions[number]
        padded = nn.functional.pad(x, (1, 1, 1, 1), mode="replicate")
        x = self.norms[number](nn.functional.conv2d(padded, conv.weight, conv.bias, stride))
        return x if number == len(self.convolutions) - 1 else x.relu()

    @torch.no_grad()
    def go_on_from(self, parts: dict[str, NDArray[np.float32]], given: Tensor) -> None:
        """Take kernels and biases as `folded` gives them; the norms are such that they change nothing on a batch."""
        for i, conv in enumerate(self.convolutions):
            weight = torch.from_numpy(parts[f"{i}.weight"].astype(np.float32))
            conv.weight.zero_()
            conv.weight[:, : weight.shape[1]] = weight
            conv.bias.copy_(torch.from_numpy(parts[f"{i}.bias"]))

        def matched(norm: nn.Module, seen: tuple[Tensor]) -> None:
            norm.weight.copy_((seen[0].var((0, 2, 3), correction=0) + norm.eps).sqrt())
            norm.bias.copy_(seen[0].mean((0, 2, 3)))

        hooks = [norm.register_forward_pre_hook(matched) for norm in self.norms if isinstance(norm, nn.BatchNorm2d)]
        self(given)
        for hook in hooks:
            hook.remove()

    def folded(self) -> dict[str, NDArray[np.float32]]:
        """Kernels and biases, the norms within."""
        parts = {}
        for i, (conv, norm) in enumerate(zip(self.convolutions, self.norms, strict=True)):
            weight, bias = conv.weight.detach(), conv.bias.detach()
            if isinstance(norm, nn.BatchNorm2d):
                scale = norm.weight.detach() / (norm.running_var + norm.eps).sqrt()
                weight, bias = (
                    weight * scale[:, None, None, None],
                    norm.bias.detach() + (bias - norm.running_mean) * scale,
                )
            parts[f"{i}.weight"], parts[f"{i}.bias"] = weight.numpy().astype(np.float16), bias.numpy()
        return parts


class Light(Convolutions):
    """(N, 6, 64, 64) to the logarithm of the light, (N, 32, 32)."""

    def forward(self, x: Tensor) -> Tensor:
        skips = []
        for i in range(4):
            x = self.step(x, i, 2)
            skips.append(x)
        x = self.step(x, 4)
        for i, skip in zip((5, 6, 7), (skips[2], skips[1], skips[0]), strict=True):
            x = self.step(torch.cat((nn.functional.interpolate(x, scale_factor=2), skip), 1), i)
        return self.step(x, 8)[:, 0]


class Polarity(Convolutions):
    """(N, 1, 64, 64) to the log odds of a negative, (N,)."""

    def forward(self, x: Tensor) -> Tensor:
        for i in range(4):
            x = self.step(x, i, 2)
        return self.step(x, 4).mean((1, 2, 3))


def smooth(light: Tensor) -> Tensor:
    """See `small_networks.smoothed`; (N, 32, 32)."""
    surfaces = torch.from_numpy(SURFACES)
    return (light.flatten(1) @ surfaces @ surfaces.T).view(light.shape)


def grey(rgb: NDArray[np.uint8], rng: np.random.Generator, side: int) -> Plane:
    height, width = rng.integers(PHOTO * 4 // 5, PHOTO + 1, 2)
    top, left = rng.integers(PHOTO - height + 1), rng.integers(PHOTO - width + 1)
    part = rgb[top : top + height, left : left + width] @ (rng.dirichlet((1.2, 2.0, 1.6)) / 255).astype(np.float32)
    plane = np.clip(cv2.resize(part, (side, side), interpolation=cv2.INTER_AREA), 0, 1)
    return plane[:, ::-1] if rng.random() < 0.5 else plane


def light_example(rgb: NDArray[np.uint8], rng: np.random.Generator) -> tuple[Plane, Plane]:
    plane = grey(rgb, rng, FINE)
    light = np.ones((SIDE, SIDE), np.float32)
    light = unevenly_lit(light, rng) if rng.random() < 0.75 else light
    spilled = stained(light, rng) if rng.random() < 0.15 else light  # that is no light
    seen = plane * cv2.resize(spilled, (FINE, FINE), interpolation=cv2.INTER_LINEAR)
    if rng.random() < 0.25:
        seen = faded(seen, rng)
    if rng.random() < 0.4:
        seen = noisy(seen, rng.uniform(0, 0.03), rng)
    seen = np.round(np.clip(seen, 0, 1) * 255) / np.float32(255)
    log = np.log(light)
    return light_input(seen), cv2.resize(log - log.mean(), (32, 32), interpolation=cv2.INTER_AREA)


def polarity_example(rgb: NDArray[np.uint8], rng: np.random.Generator) -> tuple[Plane, Plane]:
    plane, negative = grey(rgb, rng, SIDE), rng.random() < 0.5
    if rng.random() < 0.5:
        plane = plane ** np.float32(rng.uniform(0.6, 1.6))
    plane = 1 - plane if negative else plane
    if rng.random() < 0.5:
        plane = plane ** np.float32(rng.uniform(0.6, 1.6))
    low, high = np.quantile(plane, (0.01, 0.99))
    plane = np.clip((plane - low) / max(high - low, 0.05), 0, 1)
    return plane[None].astype(np.float32), np.float32(negative)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("shards", type=Path, nargs="+")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument(
        "--minutes", type=float, nargs=2, default=(60.0, 8.0), help="of each; 0 leaves it as OUT has it"
    )
    parser.add_argument("--photos", type=int, default=40000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    torch.manual_seed(options.seed)
    torch.set_num_threads(1)
    photos, rng = photos_of(options.shards, options.photos), np.random.default_rng(options.seed)
    held, photos = photos[:800], photos[800:]
    print(len(photos), "photos", flush=True)
    parts = load_file(options.out) if options.out.exists() else {}
    for name, network, example, minutes in (
        ("polarity", Polarity(POLARITY), polarity_example, options.minutes[1]),
        ("light", Light(LIGHT), light_example, options.minutes[0]),
    ):
        if not minutes:
            continue
        optimizer = torch.optim.AdamW(network.parameters(), 3e-3, weight_decay=1e-3)
        known = name in {key.partition(".")[0] for key in parts}
        if known:
            batch = [example(rgb, rng)[0] for rgb in photos[:128]]
            network.go_on_from(
                {key.partition(".")[2]: value for key, value in parts.items() if key.startswith(name)},
                torch.from_numpy(np.stack(batch)),
            )
        peak, started, seconds, step = 2e-3 if known else 3e-3, time.monotonic(), 60 * minutes, 0
        while (spent := (time.monotonic() - started) / seconds) < 1:
            for group in optimizer.param_groups:
                group["lr"] = peak * min(1, step / 50 + 0.02) * 0.5 * (1 + np.cos(np.pi * spent)) + 1e-5
            batch = [example(photos[i], rng) for i in rng.integers(0, len(photos), 64)]
            given, wanted = (torch.from_numpy(np.stack([pair[k] for pair in batch])) for k in (0, 1))
            answer = network(given)
            if name == "light":
                left = (smooth(answer) - wanted).square().mean((1, 2))
                loss = (left + _LEAST).sqrt().mean() * 10  # as the share that is left is measured
            else:
                loss = nn.functional.binary_cross_entropy_with_logits(answer, wanted)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            step += 1
            if step % 200 == 0:
                print(name, step, f"{loss.item():.4f}", flush=True)
        network.eval()
        own = np.random.default_rng(1)
        with torch.no_grad():
            batch = [example(rgb, own) for rgb in held]
            given, wanted = (torch.from_numpy(np.stack([pair[k] for pair in batch])) for k in (0, 1))
            answer = network(given)
        if name == "light":
            left = (smooth(answer) - wanted).std((1, 2))
            lit = wanted.std((1, 2)) > 0.02
            share = float(left[lit].mean() / wanted.std((1, 2))[lit].mean())
            print(f"light left: {share:.2f}; clean {float(left[~lit].mean()):.3f}")
        else:
            print(f"polarity right: {float(((answer > 0) == (wanted > 0.5)).float().mean()):.3f}")
        parts |= {f"{name}.{key}": value for key, value in network.folded().items()}
        save_file(parts, options.out)


if __name__ == "__main__":
    main()
