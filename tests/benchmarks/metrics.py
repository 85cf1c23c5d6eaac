"""Our metrics beside the libraries' on the same pictures, in one run: seconds a picture, ratio, difference.

Run:  python tests/benchmarks/metrics.py [--photos 8] [--side 256] [--rounds 5]
Rule: ours stay where they are at least 1.5 times as fast; the library is then what the tests measure them by

One thread, in turns, the least time of each; a photo in color and what a network might have made of it. `eval`
measures several rows of the table against one truth, whose Lab and moments are known after the first: that is the
case of `known`.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from skimage.color import deltaE_ciede2000, rgb2lab
from skimage.metrics import peak_signal_noise_ratio, structural_similarity
from torchmetrics.functional.image import peak_signal_noise_ratio as torch_psnr
from torchmetrics.functional.image import structural_similarity_index_measure as torch_ssim
from torchmetrics.functional.image.lpips import _LPIPS
from torchvision.models import alexnet

from colorize_cli.color.gpu import lab_of_levels
from colorize_cli.evaluation import numpy_metrics, pixel
from colorize_cli.evaluation.perceptual import Lpips

RULE = 1.5
Rgb = NDArray[np.uint8]
Work = Callable[[], NDArray[np.float64] | torch.Tensor]


def photos(count: int, side: int) -> tuple[Rgb, Rgb]:
    """Truths and predictions, (N, S, S, 3) each: smooth, with edges and grain."""
    rng = np.random.default_rng(0)
    truths, made = [], []
    for _ in range(count):
        smooth = cv2.resize(rng.uniform(0, 255, (9, 9, 3)), (side, side), interpolation=cv2.INTER_CUBIC)
        edges = cv2.resize(rng.uniform(-50, 50, (5, 5, 1)), (side, side), interpolation=cv2.INTER_NEAREST)
        truth = smooth + edges[..., None] + rng.normal(0, 3, (side, side, 3))
        duller = truth.mean(2, keepdims=True) + 0.6 * (truth - truth.mean(2, keepdims=True))
        truths.append(np.clip(truth, 0, 255))
        made.append(np.clip(duller + rng.normal(0, 2, truth.shape), 0, 255))
    return np.stack(truths).astype(np.uint8), np.stack(made).astype(np.uint8)


def tensors(pictures: Rgb) -> torch.Tensor:
    return torch.from_numpy(pictures).permute(0, 3, 1, 2).float().contiguous()


def by_picture(metric: Callable[[Rgb, Rgb], float], made: Rgb, truth: Rgb) -> NDArray[np.float64]:
    return np.array([metric(one, other) for one, other in zip(made, truth, strict=True)])


def lpips(made: torch.Tensor, truth: torch.Tensor) -> tuple[Lpips, Work]:
    """Ours, and torchmetrics', with the same random AlexNet and torchmetrics' own heads."""
    torch.manual_seed(0)
    theirs = _LPIPS(pretrained=True, net="alex", pnet_rand=True).eval()
    features = alexnet(weights=None)
    state = features.state_dict()
    slices = [layer for k in range(1, 6) for layer in getattr(theirs.net, f"slice{k}")]
    for own, layer in zip(features.features, slices, strict=False):
        own.load_state_dict(layer.state_dict())
    heads = {f"lin{i}.model.1.weight": getattr(theirs, f"lin{i}").model[1].weight.detach() for i in range(5)}
    ours = Lpips({**state, **features.state_dict()}, heads)
    return ours, lambda: theirs(made / 127.5 - 1, truth / 127.5 - 1).flatten()


def cases(truth: Rgb, made: Rgb) -> dict[str, tuple[Work, Work]]:
    """By name: ours, and the library's."""
    x, y = tensors(made), tensors(truth)
    lab, moments = lab_of_levels(y), pixel.moments(y)
    network, library_lpips = lpips(x, y)
    layers = network.layers(y)
    ssim = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False, "data_range": 255}

    def library_ssim() -> torch.Tensor:
        found = torch_ssim(x, y, gaussian_kernel=True, sigma=1.5, reduction="none", data_range=255.0)
        assert isinstance(found, torch.Tensor)
        return found

    return {
        "psnr, torch: torchmetrics": (
            lambda: 10 * torch.log10(255.0**2 / (x - y).square().mean((1, 2, 3))),
            lambda: torch_psnr(x, y, data_range=255.0, reduction="none", dim=(1, 2, 3)),
        ),
        "psnr, numpy: scikit-image": (
            lambda: by_picture(numpy_metrics.psnr, made, truth),
            lambda: by_picture(lambda p, t: peak_signal_noise_ratio(t, p, data_range=255), made, truth),
        ),
        "ssim, torch: torchmetrics": (lambda: pixel.ssim(x, y), library_ssim),
        "ssim, the truth's moments known": (lambda: pixel.ssim_from(x, y, pixel.moments(x), moments), library_ssim),
        "ssim, numpy: scikit-image": (
            lambda: by_picture(numpy_metrics.ssim, made, truth),
            lambda: by_picture(lambda p, t: structural_similarity(t, p, channel_axis=2, **ssim), made, truth),
        ),
        "delta_e: scikit-image": (
            lambda: pixel.delta_e(x, y),
            lambda: by_picture(lambda p, t: deltaE_ciede2000(rgb2lab(t), rgb2lab(p)).mean(), made, truth),
        ),
        "delta_e, the truth's Lab known": (
            lambda: pixel.ciede2000(lab_of_levels(x), lab).mean((1, 2)),
            lambda: by_picture(lambda p, t: deltaE_ciede2000(rgb2lab(t), rgb2lab(p)).mean(), made, truth),
        ),
        "lpips: torchmetrics": (lambda: network(x, y), library_lpips),
        "lpips, the truth's layers known": (lambda: network.distance(network.layers(x), layers), library_lpips),
    }


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--photos", type=int, default=8)
    parser.add_argument("--side", type=int, default=256)
    parser.add_argument("--rounds", type=int, default=5)
    wanted = parser.parse_args()
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    print(f"{wanted.photos} photos of {wanted.side} x {wanted.side}; milliseconds of CPU a photo")
    with torch.inference_mode():
        for name, pair in cases(*photos(wanted.photos, wanted.side)).items():
            times: list[list[float]] = [[], []]
            values = [np.asarray(work()) for work in pair]
            for _ in range(wanted.rounds):
                for work, found in zip(pair, times, strict=True):
                    started = time.process_time()
                    work()
                    found.append(time.process_time() - started)
            ours, theirs = (1000 * min(found) / wanted.photos for found in times)
            apart = np.abs(values[0] - values[1]).max()
            print(
                f"{name:32} ours {ours:7.2f}  library {theirs:7.2f}  ratio {theirs / ours:5.2f} "
                f"{'ours' if theirs / ours >= RULE else 'library':8} apart by {apart:.1e}"
            )


if __name__ == "__main__":
    main()
