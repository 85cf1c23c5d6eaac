"""Metrics of held-out photos that look through a pretrained network: LPIPS, FID, inception score.

In:  a generator, held-out photos
Out: one figure by the metric's name
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from colorize_cli.color.gpu import split
from colorize_cli.data.photosets import PhotoSet
from colorize_cli.evaluation.inception import Inception, frechet_distance, inception_score
from colorize_cli.evaluation.perceptual import Lpips
from colorize_cli.evaluation.weight_files import lpips_heads
from colorize_cli.models.generator import Generator
from colorize_cli.models.weights import feature_state
from colorize_cli.training.config import TrainConfig
from colorize_cli.training.validation import colorizer_of, predicted, truths


class NetworkMetric:
    """Measures one of these metrics.

    Args:
        metric: lpips, fid or inception_score.

    Raises:
        WeightsError: the network's weights are not to be had.
    """

    def __init__(self, metric: str) -> None:
        self.metric = metric
        cpu = torch.device("cpu")
        self.lpips = Lpips(feature_state("alexnet"), lpips_heads()) if metric == "lpips" else None
        self.inception = None if metric == "lpips" else Inception(metric, cpu)

    @torch.inference_mode()
    def __call__(
        self,
        model: Generator,
        photos: PhotoSet,
        indices: Sequence[int],
        config: TrainConfig,
        device: torch.device,
        should_stop: Callable[[], bool] = lambda: False,
    ) -> dict[str, float]:
        """The figure, by the metric's name; none where it is asked to stop between batches."""
        distances: list[Tensor] = []
        features: tuple[list[Tensor], list[Tensor]] = ([], [])
        logits: list[Tensor] = []
        colorizer = colorizer_of(model, config, device, len(indices))
        for number, truth in enumerate(truths(photos, indices, config.val_size, device)):
            if number and should_stop():
                return {}
            preds = predicted(colorizer, split(truth / 255)[0], None)
            if self.lpips is not None:
                distances.append(self.lpips.to(device)(preds, truth).cpu())
                continue
            assert self.inception is not None
            for kept, pictures in zip(features, (preds.cpu(), truth.cpu()), strict=True):
                found, said = self.inception(pictures)
                kept.append(found)
                if kept is features[0]:
                    logits.append(said)
        if self.lpips is not None:
            return {"lpips": float(torch.cat(distances).mean())}
        if self.metric == "fid":
            first, second = (torch.cat(part).numpy() for part in features)
            return {"fid": frechet_distance(first, second)}
        return {"inception_score": inception_score(torch.cat(logits).numpy())[0]}
