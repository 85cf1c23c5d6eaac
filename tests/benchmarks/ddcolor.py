"""Photos per second of `ddcolor-tiny` at 512, beside the plain loop that a script around the network is.

    python tests/benchmarks/ddcolor.py [--photos 24] [--megapixels 12] [--source DIR] [--weights FILE]

The plain loop, one photo after the other: read, float Lab, the network at batch 1 in float32 with its last layers at
the full size as published, ab enlarged to the nearest neighbour, float Lab to RGB, write. Without `--weights` the
network has random ones: the speed is the same. Each runs in a process of its own; prints both and their ratio.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from throughput import make_photos, measured
from torch import Tensor

from colorize_cli.models.networks.ddcolor import DDColor, sine_code
from colorize_cli.models.networks.layers import smooth


class Published(DDColor):
    """The network in the published order: keys and values of projected places, and in the last layers 256 features
    and 100 maps at the full size. Its weights are worked out at every call, and nothing is folded.
    """

    def forward(self, grey: Tensor) -> Tensor:
        x = (grey - self.mean) / self.std
        maps = self.encoder["arch"](x)
        finest, decoded = maps[-1], []
        for up, skip in zip(self.decoder.layers, maps[-2::-1], strict=True):
            finest = up(finest, skip)
            decoded.append(finest)
        features = smooth(F.pixel_shuffle(F.relu(self.decoder.last_shuf.conv(finest)), 4))
        maps = torch.einsum("nqc,nchw->nqhw", self.queries(decoded), features)
        return self.refine_net(torch.cat((maps, x), 1))

    def queries(self, maps: list[Tensor]) -> Tensor:
        decoder, seen = self.decoder.color_decoder, []
        for project, level, x in zip(decoder.input_proj, decoder.level_embed.weight, maps, strict=True):
            by_y, by_x = (sine_code(length, x) for length in x.shape[2:])
            codes = torch.cat((by_y[:, None].expand(-1, len(by_x), -1), by_x.expand(len(by_y), -1, -1)), 2)
            places = project(x).flatten(2).transpose(1, 2) + level
            seen.append((places + codes.flatten(0, 1), places))
        x, embed = decoder.query_feat.weight[None], decoder.query_embed.weight
        layers = decoder.transformer_cross_attention_layers, decoder.transformer_self_attention_layers
        for i, (cross, own, feed) in enumerate(zip(*layers, decoder.transformer_ffn_layers, strict=True)):
            x = cross.norm(x + cross.multihead_attn(x + embed, *seen[i % 3], need_weights=False)[0])
            x = feed(own(x, embed))
        return decoder.color_embed(decoder.decoder_norm(x))


def plausible(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Random weights whose colors are as smooth as a photo's: sepia. Noise would cost the joining more than it is."""
    mix = state["refine_net.0.0.weight_orig"]
    mix[:, :-3] *= 1e-14  # the queries' maps: of random weights they are noise of about 1e12
    mix[:, -3:] = 1
    state["refine_net.0.0.bias"][:] = torch.tensor([6.0, 12.0])
    return state


def plain_loop(weights: Path, photos: Path, out: Path) -> None:
    network = Published("tiny")
    network.load_state_dict(torch.load(weights, weights_only=True)["params"])
    network.eval()
    for file in sorted(photos.glob("*.jpg")):
        bgr = cv2.imread(str(file)).astype(np.float32) / 255
        lightness = cv2.cvtColor(bgr, cv2.COLOR_BGR2Lab)[:, :, :1]
        small = cv2.cvtColor(cv2.resize(bgr, (512, 512)), cv2.COLOR_BGR2Lab)[:, :, :1]
        grey = cv2.cvtColor(np.concatenate((small, np.zeros_like(small), np.zeros_like(small)), 2), cv2.COLOR_LAB2RGB)
        with torch.inference_mode():
            ab = network(torch.from_numpy(grey.transpose(2, 0, 1))[None])
            large = F.interpolate(ab, size=bgr.shape[:2])[0].numpy().transpose(1, 2, 0)
        colored = cv2.cvtColor(np.concatenate((lightness, large), 2), cv2.COLOR_LAB2BGR)
        cv2.imwrite(str(out / file.name), (colored * 255).round().astype(np.uint8))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=int, default=24)
    parser.add_argument("--megapixels", type=float, default=12.0)
    parser.add_argument("--source", type=Path)
    parser.add_argument("--weights", type=Path)
    parser.add_argument("--plain", nargs=3, type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.plain:
        plain_loop(*options.plain)
        return
    with tempfile.TemporaryDirectory() as scratch:
        photos, out, weights = Path(scratch, "photos"), Path(scratch, "plain"), Path(scratch, "weights.pth")
        photos.mkdir(), out.mkdir()
        make_photos(photos, options.source, options.photos, options.megapixels)
        if options.weights is None:
            torch.manual_seed(0)
            torch.save({"params": plausible(DDColor("tiny").state_dict())}, weights)
        weights = options.weights or weights
        ours = [sys.executable, "-m", "colorize_cli", str(photos), "--out", f"{scratch}/ours", "--model", str(weights)]
        plain = [sys.executable, __file__, "--plain", str(weights), str(photos), str(out)]
        results = {"colorize": measured([*ours, "--quiet"]), "plain": measured(plain)}
        assert len(list(Path(scratch, "ours").glob("*.jpg"))) == len(list(out.iterdir())) == options.photos
    for result in results.values():
        result["photos_per_second"] = options.photos / result["wall"]
    ratio = results["colorize"]["photos_per_second"] / results["plain"]["photos_per_second"]
    print(json.dumps({**results, "ratio": ratio, "photos": options.photos}, indent=1))


if __name__ == "__main__":
    main()
