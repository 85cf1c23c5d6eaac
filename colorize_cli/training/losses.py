"""Training objectives as pure functions on tensors; each gives a scalar.

In:  predictions and truths: scaled colors (N, C, H, W), or logits; or a discriminator's answers to both
Out: scalars; of a discriminator's objective its parts too
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor


def l1(preds: Tensor, target: Tensor) -> Tensor:
    """Mean absolute error over everything."""
    return F.l1_loss(preds, target)


def l2(preds: Tensor, target: Tensor) -> Tensor:
    """Mean squared error over everything."""
    return F.mse_loss(preds, target)


def rmse(preds: Tensor, target: Tensor) -> Tensor:
    """Root of the mean squared error; its slope at a perfect prediction is bounded."""
    return (F.mse_loss(preds, target) + 1e-12).sqrt()


def least_squares(preds: Tensor, target: Tensor) -> Tensor:
    """Squared error summed over a picture's pixels and channels, mean over the pictures."""
    return ((preds - target) ** 2).sum((1, 2, 3)).mean()


def smooth_l1(preds: Tensor, target: Tensor) -> Tensor:
    """Huber's loss with its bend at 1, mean over everything."""
    return F.smooth_l1_loss(preds, target)


RECONSTRUCTION: Mapping[str, Callable[[Tensor, Tensor], Tensor]] = {
    "l1": l1,
    "l2": l2,
    "rmse": rmse,
    "least_squares": least_squares,
    "smooth_l1": smooth_l1,
}


def soft_cross_entropies(logits: Tensor, index: Tensor, soft: Tensor, weights: Tensor) -> Tensor:
    """Cross-entropy of each sample, (N,), with targets spread over a few classes, places weighted by the first class.

    Args:
        logits: (N, Q, h, w).
        index: classes, (N, k, h, w), int64.
        soft: their shares, (N, k, h, w).
        weights: rebalancing weights, (Q,).

    Source: Zhang 2016, equations 2 to 4.
    """
    scores = logits.float().log_softmax(1).gather(1, index)
    weight = weights[index[:, 0]]
    return -((scores * soft).sum(1) * weight).mean((1, 2))


def label_cross_entropy(logits: Tensor, label: Tensor) -> Tensor:
    """Cross-entropy over the samples whose label is known (not -1); 0 where none is. (N, K) and (N,)."""
    total = F.cross_entropy(logits.float(), label, ignore_index=-1, label_smoothing=0.1, reduction="sum")
    return total / len(label)


@dataclass(frozen=True)
class DiscriminatorLosses:
    """What a discriminator pays: for taking fakes for real, for taking reals for fake, both as its paper adds them."""

    fake: Tensor
    real: Tensor
    total: Tensor


def gan_discriminator(real: Tensor, fake: Tensor, smoothing: float = 1.0) -> DiscriminatorLosses:
    """D = (D_fake + D_real) / 2, each a cross-entropy on logits; the reals' label is `smoothing`, the fakes' 0.

    Source: Goodfellow 2014; one-sided smoothing Salimans 2016; the half Isola 2017.
    """
    d_fake = F.binary_cross_entropy_with_logits(fake.float(), torch.zeros_like(fake, dtype=torch.float32))
    d_real = F.binary_cross_entropy_with_logits(real.float(), torch.full_like(real, smoothing, dtype=torch.float32))
    return DiscriminatorLosses(d_fake, d_real, (d_fake + d_real) / 2)


def gan_generator(fake: Tensor) -> Tensor:
    """The non-saturating loss -log D(G), mean; `fake` are logits. Its label is 1, never smoothed."""
    return F.softplus(-fake.float()).mean()


def gan_generator_minimax(fake: Tensor) -> Tensor:
    """log(1 - D(G)), mean over everything: the minimax game as first printed; its slope vanishes where D is sure.

    Source: Goodfellow 2014, equation 1.
    """
    return -F.softplus(fake.float()).mean()


def lsgan_discriminator(real: Tensor, fake: Tensor, a: float = 0.0, b: float = 1.0) -> DiscriminatorLosses:
    """1/2 (D(real) - b)^2 + 1/2 (D(fake) - a)^2, means. Source: Mao 2017, equation 2."""
    d_fake, d_real = ((fake.float() - a) ** 2).mean() / 2, ((real.float() - b) ** 2).mean() / 2
    return DiscriminatorLosses(d_fake, d_real, d_fake + d_real)


def lsgan_generator(fake: Tensor, c: float = 1.0) -> Tensor:
    """1/2 (D(fake) - c)^2, mean."""
    return ((fake.float() - c) ** 2).mean() / 2


def ebgan_discriminator(real: Tensor, fake: Tensor, margin: float) -> DiscriminatorLosses:
    """E(real) + max(0, margin - E(fake)), means of energies. Source: Zhao 2017, equation 1."""
    d_fake, d_real = F.relu(margin - fake.float()).mean(), real.float().mean()
    return DiscriminatorLosses(d_fake, d_real, d_fake + d_real)


def ebgan_generator(fake: Tensor) -> Tensor:
    """E(fake), mean."""
    return fake.float().mean()


def wgan_discriminator(real: Tensor, fake: Tensor) -> DiscriminatorLosses:
    """D(fake) - D(real), means: the negated estimate of the Wasserstein distance. Source: Arjovsky 2017."""
    d_fake, d_real = fake.float().mean(), -real.float().mean()
    return DiscriminatorLosses(d_fake, d_real, d_fake + d_real)


def wgan_generator(fake: Tensor) -> Tensor:
    """-D(fake), mean."""
    return -fake.float().mean()
