"""Every objective against its formula, worked out by hand on small numbers."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from colorize_cli.models.bins import rebalancing_weights
from colorize_cli.training import losses


def t(*values: float) -> Tensor:
    return torch.tensor(values)


def picture(*values: float) -> Tensor:
    return torch.tensor(values).view(1, 1, 1, -1)


def close(found: Tensor, wanted: float) -> None:
    assert float(found) == pytest.approx(wanted, abs=1e-5)


def test_reconstruction_losses() -> None:
    preds, target = picture(1.0, 2.0, 5.0, 0.0), picture(0.0, 2.0, 2.0, 0.5)
    close(losses.l1(preds, target), (1 + 0 + 3 + 0.5) / 4)
    close(losses.l2(preds, target), (1 + 0 + 9 + 0.25) / 4)
    close(losses.rmse(preds, target), math.sqrt(10.25 / 4))
    close(losses.least_squares(preds, target), 10.25)  # summed over the pixels
    close(losses.smooth_l1(preds, target), (0.5 * 1 + 0 + (3 - 0.5) + 0.5 * 0.25) / 4)


def test_least_squares_sums_pixels_and_averages_pictures() -> None:
    preds = torch.zeros(2, 2, 2, 2)
    target = torch.stack((torch.ones(2, 2, 2), torch.full((2, 2, 2), 3.0)))
    close(losses.least_squares(preds, target), (8 * 1 + 8 * 9) / 2)


def test_cross_entropy_is_weighted_by_the_nearest_class() -> None:
    logits = torch.log(t(0.2, 0.3, 0.5)).view(1, 3, 1, 1)
    index = torch.tensor([2, 0]).view(1, 2, 1, 1)
    soft = t(0.75, 0.25).view(1, 2, 1, 1)
    wanted = -(0.75 * math.log(0.5) + 0.25 * math.log(0.2)) * 4.0  # class 2 comes first: its weight counts
    close(losses.soft_cross_entropies(logits, index, soft, t(1.0, 2.0, 4.0)).mean(), wanted)


def test_one_class_a_location_is_a_weighted_cross_entropy() -> None:
    logits = torch.log(torch.tensor([[[[0.9, 0.25]], [[0.1, 0.75]]]]))
    index = torch.tensor([[[[0, 1]]]])
    found = losses.soft_cross_entropies(logits, index, torch.ones(1, 1, 1, 2), t(1.0, 3.0)).mean()
    close(found, -(math.log(0.9) + 3 * math.log(0.75)) / 2)


def test_the_minimax_game_falls_as_the_discriminator_is_fooled() -> None:
    logits = t(-2.0, 0.5)
    wanted = (math.log(1 - 1 / (1 + math.exp(2.0))) + math.log(1 - 1 / (1 + math.exp(-0.5)))) / 2
    close(losses.gan_generator_minimax(logits), wanted)
    assert float(losses.gan_generator_minimax(t(3.0))) < float(losses.gan_generator_minimax(t(-3.0)))


def test_unknown_labels_cost_nothing() -> None:
    logits = torch.randn(4, 5)
    assert float(losses.label_cross_entropy(logits, torch.full((4,), -1))) == 0


def test_gan_is_a_cross_entropy_halved_and_non_saturating() -> None:
    real, fake = torch.logit(t(0.8, 0.6)), torch.logit(t(0.3, 0.1))
    found = losses.gan_discriminator(real, fake)
    d_real, d_fake = -(math.log(0.8) + math.log(0.6)) / 2, -(math.log(0.7) + math.log(0.9)) / 2
    close(found.real, d_real)
    close(found.fake, d_fake)
    close(found.total, (d_real + d_fake) / 2)
    close(losses.gan_generator(fake), -(math.log(0.3) + math.log(0.1)) / 2)


def test_smoothing_is_one_sided_and_the_discriminators_alone() -> None:
    real, fake = torch.logit(t(0.8)), torch.logit(t(0.3))
    plain, smooth = losses.gan_discriminator(real, fake), losses.gan_discriminator(real, fake, smoothing=0.9)
    close(smooth.real, -(0.9 * math.log(0.8) + 0.1 * math.log(0.2)))
    assert float(smooth.fake) == float(plain.fake)


def test_lsgan_has_halves_with_a_0_b_1_c_1() -> None:
    real, fake = t(0.5, 2.0), t(1.0, -1.0)
    found = losses.lsgan_discriminator(real, fake)
    close(found.real, (0.25 + 1) / 2 / 2)
    close(found.fake, (1 + 1) / 2 / 2)
    close(found.total, 0.3125 + 0.5)
    close(losses.lsgan_generator(fake), (0 + 4) / 2 / 2)


def test_ebgan_pushes_fakes_up_to_the_margin_only() -> None:
    found = losses.ebgan_discriminator(t(0.2, 0.4), t(0.3, 1.5), margin=1.0)
    close(found.real, 0.3)
    close(found.fake, (0.7 + 0.0) / 2)
    close(found.total, 0.65)
    close(losses.ebgan_generator(t(0.3, 1.5)), 0.9)


def test_wgan_is_a_difference_of_means() -> None:
    found = losses.wgan_discriminator(t(3.0, 1.0), t(0.5, -0.5))
    close(found.total, 0.0 - 2.0)
    close(losses.wgan_generator(t(0.5, -1.5)), 0.5)


@pytest.mark.parametrize(
    ("d_fake", "d_real", "d", "g_gan", "g_l1", "g"),
    [(0.55271, 0.60198, 0.57735, 1.14168, 7.30180, 8.44348), (0.62224, 0.64407, 0.63316, 0.91493, 4.89597, 5.81090)],
)
def test_the_papers_epochs_add_up(d_fake: float, d_real: float, d: float, g_gan: float, g_l1: float, g: float) -> None:
    """Logits that cost as much as the paper's log says at epochs 5 and 20: the sums must be the paper's sums."""
    # softplus(x) = d_fake for the fakes' logit x, softplus(-y) = d_real for the reals' logit y
    fake, real = math.log(math.expm1(d_fake)), -math.log(math.expm1(d_real))
    found = losses.gan_discriminator(t(real), t(fake))
    assert float(found.fake) == pytest.approx(d_fake, abs=1e-6)
    assert float(found.real) == pytest.approx(d_real, abs=1e-6)
    assert float(found.total) == pytest.approx(d, abs=1e-5)
    fooling = -math.log(math.expm1(g_gan))
    reconstruction = 100 * losses.l1(picture(g_l1 / 100), picture(0.0))
    assert float(losses.gan_generator(t(fooling)) + reconstruction) == pytest.approx(g, abs=1e-5)


def test_labels_are_smoothed_by_a_tenth_and_unknown_ones_cost_nothing() -> None:
    logits = torch.tensor([[2.0, 0.0, -1.0], [5.0, 5.0, 5.0]])
    scores = logits[0].log_softmax(0)
    wanted = -(0.9 * scores[0] + 0.1 * scores.mean())
    found = losses.label_cross_entropy(logits, torch.tensor([0, -1]))
    torch.testing.assert_close(found, wanted / 2)


def test_rebalancing_lifts_rare_colors_and_has_mean_one_under_the_prior() -> None:
    prior = torch.tensor([0.7, 0.2, 0.1])
    weights = rebalancing_weights(prior)
    assert float((weights * prior).sum()) == pytest.approx(1.0, abs=1e-6)
    assert float(weights[2] / weights[0]) == pytest.approx((0.35 + 1 / 6) / (0.05 + 1 / 6), rel=1e-5)
