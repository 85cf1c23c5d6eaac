from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch

from colorize_cli.color.gamut import recombine
from colorize_cli.color.lab import split
from colorize_cli.errors import UsageError
from colorize_cli.evaluation.pixel import quantise
from colorize_cli.evaluation.protocol import Protocol, grey, is_grey, join, lightness_of, named_protocol, prepare, stack


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
    truth = stack([picture(1), picture(2)])
    lightness, ab = split(truth / 255)
    assert (join(lightness, ab) - truth).abs().max() <= 1


def test_joining_only_searches_where_colours_leave_the_gamut_and_agrees_with_the_reference(picture):
    lightness = lightness_of(stack([picture(3, 16, 16)]))
    ab = torch.randn((1, 2, 16, 16), generator=torch.Generator().manual_seed(0)) * 60
    expected = quantise(recombine(lightness, ab))
    assert (join(lightness, ab) - expected).abs().max() <= 1
    assert (lightness_of(join(lightness, ab)) - lightness).abs().max() < 0.6


def test_smaller_ab_is_enlarged_over_the_whole_picture():
    lightness = torch.full((1, 1, 32, 32), 60.0)
    ab = torch.tensor([[20.0, -20.0]]).repeat(2, 1)[None].repeat(2, 1, 1)[None].reshape(1, 2, 2, 2)
    rgb = join(lightness, ab)
    assert (rgb[0, 0, :, 0] > rgb[0, 0, :, -1]).all()


def test_grey_has_equal_channels_and_the_truths_lightness(picture):
    lightness = lightness_of(stack([picture(4)]))
    rgb = grey(lightness)
    assert (rgb[:, 0] == rgb[:, 1]).all() and (rgb[:, 1] == rgb[:, 2]).all()
    assert (
        cv2.cvtColor(rgb[0].permute(1, 2, 0).numpy() / 255, cv2.COLOR_RGB2LAB)[..., 0] - lightness[0, 0].numpy()
    ).max() < 1


def test_an_unknown_protocol_is_named():
    with pytest.raises(UsageError, match="center265"):
        named_protocol("center265")
