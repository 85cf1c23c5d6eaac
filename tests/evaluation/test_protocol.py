from __future__ import annotations

import numpy as np
import pytest
import torch

from colorize_cli.color.gpu import split
from colorize_cli.errors import UsageError
from colorize_cli.evaluation.pixel import quantize
from colorize_cli.evaluation.protocol import Protocol, grey, is_grey, join, named_protocol, prepare, stack
from tests.recombined import recombine


def test_center256_cuts_the_centred_square_and_averages_areas(picture):
    rgb = picture(1, 512, 700)
    square = rgb[:, 94:606]
    expected = square.reshape(256, 2, 256, 2, 3).mean((1, 3))
    assert np.abs(prepare(rgb, Protocol.center256) - expected).max() <= 0.5


def test_resize256_shows_the_whole_and_native_leaves_it(picture):
    rgb = picture(1, 512, 768)
    whole = prepare(rgb, Protocol.resize256)
    assert whole.shape == (256, 256, 3)
    np.testing.assert_allclose(whole.mean((0, 1)), rgb.mean((0, 1)), atol=1)
    assert prepare(rgb, Protocol.native) is rgb


def test_a_small_photo_is_enlarged(picture):
    assert prepare(picture(1, 40, 60), Protocol.center256).shape == (256, 256, 3)


def test_a_grey_truth_is_known_by_its_chroma(picture):
    rgb = picture(1)
    assert not is_grey(rgb)
    assert is_grey(np.repeat(rgb[..., :1], 3, 2))


def test_the_true_ab_gives_the_truth_back(picture):
    truth = picture(1)
    _, ab = split(stack([truth]) / 255)
    assert np.abs(join(truth, ab[0].numpy()).astype(int) - truth).max() <= 1


def test_joining_agrees_with_the_reference_where_colors_leave_the_gamut(picture):
    truth = picture(3, 16, 16)
    lightness, _ = split(stack([truth]) / 255)
    ab = torch.randn((1, 2, 16, 16), generator=torch.Generator().manual_seed(0)) * 60
    expected = quantize(recombine(lightness, ab))
    joined = stack([join(truth, ab[0].numpy())])
    assert (joined - expected).abs().max() <= 2 and (joined - expected).abs().mean() < 0.3
    assert (split(joined / 255)[0] - lightness).abs().max() < 0.6


def test_grey_has_equal_channels_and_the_truths_lightness(picture):
    lightness, _ = split(stack([picture(4)]) / 255)
    rgb = grey(lightness)
    assert (rgb[:, 0] == rgb[:, 1]).all() and (rgb[:, 1] == rgb[:, 2]).all()
    assert (split(rgb / 255)[0] - lightness).abs().max() < 0.5


def test_an_unknown_protocol_is_named():
    with pytest.raises(UsageError, match="center265"):
        named_protocol("center265")
