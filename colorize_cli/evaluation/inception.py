"""Metrics of a whole set of pictures through the Inception network of 2015: Fréchet distance and Inception score.

In:  sRGB on the 8-bit scale, (N, 3, H, W), [0, 255]
Out: one figure for a row of the table
"""

from __future__ import annotations

import io
from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from colorize_cli.errors import WeightsError, counted
from colorize_cli.evaluation.columns import TRUTH, Better, Column, MetricName
from colorize_cli.evaluation.metrics import Conclusion, Metric, Pictures
from colorize_cli.evaluation.statistics import Figure
from colorize_cli.models.weights import feature_state

Features = NDArray[np.float64]
STABLE = 2048  # pictures; below, the covariance of 2,048 features has no full rank
SPLITS = 10


class Inception:
    """The network with the weights of 2015, as torch-fidelity has it.

    Raises:
        WeightsError: its weights or the extra are not here.
    """

    def __init__(self, metric: str, device: torch.device) -> None:
        try:
            from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3
        except ImportError as error:
            raise WeightsError(f"{metric} needs torch-fidelity", hint="pip install torch-fidelity") from error
        # torch-fidelity unpickles whatever lies in the file; it is given a copy of the checked tensors alone
        tensors = io.BytesIO()
        torch.save(feature_state("inception"), tensors)
        tensors.seek(0)
        try:
            self.network = FeatureExtractorInceptionV3("inception", ["2048", "logits_unbiased"], tensors).to(device)
        except RuntimeError as error:
            raise WeightsError("Inception's file holds the weights of another network") from error

    def __call__(self, rgb: Tensor) -> tuple[Tensor, Tensor]:
        """Features, (N, 2048), and logits without the bias, (N, 1008), float64."""
        features, logits = self.network(rgb.round().clamp(0, 255).byte())
        return features.cpu().double(), logits.cpu().double()


def frechet_distance(first: Features, second: Features) -> float:
    """Fréchet distance of the Gaussians that fit two sets of features, (N, D) and (M, D); N, M at least 2.

    Source: Heusel 2017; agrees with torch-fidelity.
    """
    means = first.mean(0), second.mean(0)
    one, two = np.cov(first, rowvar=False), np.cov(second, rowvar=False)
    shared = torch.linalg.eigvals(torch.from_numpy(one @ two)).sqrt().real.sum().item()
    return float(((means[0] - means[1]) ** 2).sum() + np.trace(one) + np.trace(two) - 2 * shared)


def inception_score(logits: Features, splits: int = SPLITS, seed: int = 2020) -> tuple[float, float]:
    """Exponential of the mean divergence of each picture's classes from all pictures': mean and spread over splits.

    Args:
        logits: (N, C).
        splits: parts of the shuffled pictures; each is scored by itself.
        seed: of the shuffle.

    Source: Salimans 2016; agrees with torch-fidelity.
    """
    count = len(logits)
    splits = min(splits, count)  # a part without a picture has no score
    shuffled = torch.from_numpy(logits[np.random.RandomState(seed).permutation(count)])
    scores = []
    for i in range(splits):
        part = shuffled[i * count // splits : (i + 1) * count // splits]
        log_share = part.log_softmax(1)
        share = log_share.exp()
        scores.append(float((share * (log_share - share.mean(0).log())).sum(1).mean().exp()))
    return float(np.mean(scores)), float(np.std(scores))


class InceptionEye:
    """Inception's view of each row's pictures, shared by the two metrics: each batch passes the network once."""

    def __init__(self, network: Inception) -> None:
        self.network = network
        self.features: dict[str, list[Features]] = {}
        self.logits: dict[str, list[Features]] = {}
        self._last: dict[str, Tensor] = {}

    def look(self, preds: Pictures) -> Mapping[str, Tensor]:
        """Features and logits of a batch."""
        if self not in preds.seen:
            preds.seen[self] = self.network(preds.rgb)
        features, logits = preds.seen[self]
        return {"features": features, "logits": logits}

    def remember(self, row: str, found: Mapping[str, Tensor]) -> None:
        """Take a batch in; the same batch a second time is nothing new."""
        if self._last.get(row) is found["features"]:
            return
        self._last[row] = found["features"]
        self.features.setdefault(row, []).append(found["features"].numpy())
        self.logits.setdefault(row, []).append(found["logits"].numpy())


class InceptionMetric(Metric):
    """FID or the Inception score of each row."""

    def __init__(self, metric: MetricName, eye: InceptionEye) -> None:
        self.metric, self.eye = metric, eye
        self.columns = (
            (Column("fid", "FID", "", Better.down, 2),)
            if metric is MetricName.fid
            else (Column("inception_score", "Inception score", "", Better.up, 3, of_truth=True),)
        )

    def measure(self, row: str, preds: Pictures, truth: Pictures) -> Mapping[str, Tensor]:
        """See `Metric.measure`; a single picture has no value."""
        return self.eye.look(preds)

    def remember(self, row: str, found: Mapping[str, Tensor]) -> None:
        """See `Metric.remember`."""
        self.eye.remember(row, found)

    def conclude(self, row: str, seed: int) -> Conclusion:
        """See `Metric.conclude`."""
        count = sum(map(len, self.eye.features[row]))
        if self.metric is MetricName.fid:
            if row == TRUTH:
                return Conclusion()
            if count < STABLE:
                self.notes = (
                    f"FID over {counted(count, 'picture')} is unstable and too high: it wants {STABLE} or more.",
                )
            if count < 2:
                return Conclusion({"fid": Figure(float("nan"))})
            parts = (np.concatenate(self.eye.features[name]) for name in (row, TRUTH))
            return Conclusion({"fid": Figure(frechet_distance(*parts))})
        splits = min(SPLITS, count)
        mean, spread = inception_score(np.concatenate(self.eye.logits[row]), splits)
        if count < 10 * SPLITS:
            self.notes = (f"The Inception score over {counted(count, 'picture')} is unstable: it wants thousands.",)
        return Conclusion({"inception_score": Figure(mean)}, {f"inception_score_spread_{splits}_splits": [spread]})
