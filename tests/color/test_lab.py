"""One Lab: the formulas for arrays agree with an independent library, those for tensors with those for arrays."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from skimage.color import rgb2lab

from colorize_cli.color import gamut, gpu, lab
from colorize_cli.color.pixels import ab_of, lightness_of
from colorize_cli.color.spaces import SRGB

Y = np.concatenate((np.linspace(0, 0.02, 201), np.linspace(0.02, 1, 201)))


def cube(steps: int = 18) -> NDArray[np.uint8]:
    """Colors of all of sRGB, (steps, steps^2, 3), with black, white and the corners among them."""
    levels = np.linspace(0, 255, steps).round().astype(np.uint8)
    return np.stack(np.meshgrid(levels, levels, levels, indexing="ij"), -1).reshape(steps, -1, 3)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_lightness_and_y_are_each_others_inverse_and_keep_the_type(dtype: type[np.floating]) -> None:
    y = Y.astype(dtype)
    lightness = lab.lightness_from_y(y)
    assert lightness.dtype == dtype and lab.y_from_lightness(lightness).dtype == dtype
    np.testing.assert_allclose(lab.y_from_lightness(lightness), y, atol=1e-6)
    # CIE's own values: middle grey, the edge between the line and the cube root, white
    edge = lab.lightness_from_y(np.array([0.18418651851244416, 216 / 24389, 1], dtype))
    np.testing.assert_allclose(edge, [50, 8, 100], atol=1e-4)


def test_f_and_its_inverse_meet() -> None:
    xyz = Y.astype(np.float32)
    np.testing.assert_allclose(lab.xyz_from_f(lab.f_from_xyz(xyz)), xyz, atol=3e-7)
    np.testing.assert_allclose(lab.f_from_lightness(lab.lightness_from_y(xyz)), lab.f_from_xyz(xyz), atol=3e-6)


def test_every_reading_of_srgb_agrees_with_an_independent_library() -> None:
    rgb = cube()
    truth = rgb2lab(rgb)  # with its own constants, which differ in the fourth digit
    np.testing.assert_allclose(lightness_of(rgb), truth[..., 0], atol=0.02)
    np.testing.assert_allclose(np.moveaxis(ab_of(rgb), 0, 2), truth[..., 1:], atol=0.05)
    np.testing.assert_allclose(lab.lab_from_srgb(rgb), truth, atol=0.35)
    np.testing.assert_allclose(lab.lab_from_srgb(rgb), lab.lab_from_srgb(rgb / np.float32(255)), atol=1e-5)
    np.testing.assert_allclose(lab.srgb_from_lab(lab.lab_from_srgb(rgb)) * 255, rgb, atol=1)
    grey = lab.grey_from_lightness(lightness_of(np.arange(256, dtype=np.uint8)[None]))[0]
    np.testing.assert_allclose(grey * 255, np.arange(256), atol=1e-3)


def test_tensors_give_what_arrays_give() -> None:
    rgb = cube()
    planes = torch.from_numpy(rgb).permute(2, 0, 1)[None].float()
    lightness, ab = gpu.split(planes / 255)
    assert lightness.shape == (1, 1, *rgb.shape[:2]) and ab.shape == (1, 2, *rgb.shape[:2])
    np.testing.assert_allclose(lightness[0, 0], lightness_of(rgb), atol=0.012)
    np.testing.assert_allclose(ab[0], ab_of(rgb), atol=2e-3)
    torch.testing.assert_close(gpu.lab_of_levels(planes), torch.cat((lightness, ab), 1), atol=1e-3, rtol=0)
    np.testing.assert_allclose(gpu.lightness_from_y(torch.from_numpy(Y)), lab.lightness_from_y(Y), atol=1e-9)
    np.testing.assert_allclose(gpu.f_from_xyz(torch.from_numpy(Y)), lab.f_from_xyz(Y), atol=1e-9)
    levels = torch.linspace(0, 1, 256, dtype=torch.float64)
    np.testing.assert_allclose(gpu.linear_from_srgb(levels), SRGB.curves[0].decode(levels.numpy()), atol=1e-9)
    np.testing.assert_allclose(gpu.srgb_from_linear(levels), SRGB.curves[0].encode(levels.numpy()), atol=3e-7)
    steps = torch.linspace(0, 100, 201, dtype=torch.float64)
    np.testing.assert_allclose(gpu.grey_from_lightness(steps), lab.grey_from_lightness(steps.numpy()), atol=3e-7)


def test_gradients_flow_through_the_split_even_at_black() -> None:
    rgb = torch.cat((torch.zeros(1, 3, 1, 4), torch.rand(1, 3, 1, 4, generator=torch.Generator().manual_seed(0))), 2)
    rgb.requires_grad_()
    lightness, ab = gpu.split(rgb)
    (lightness.sum() + ab.sum()).backward()  # type: ignore[no-untyped-call]
    assert rgb.grad is not None and torch.isfinite(rgb.grad).all()
    # at black, L* rises by 903.3 Y, and the grey's slope is 1 / 12.92 of it
    step = torch.tensor([0.0, 1e-4], dtype=torch.float64)
    rise = gpu.lightness_from_y(gpu.linear_from_srgb(step)).diff() / 1e-4
    torch.testing.assert_close(rise, torch.tensor([24389 / 27 / 12.92], dtype=torch.float64))


def test_the_gamut_ends_at_the_same_chroma_for_tensors_and_arrays() -> None:
    rng = np.random.default_rng(0)
    lightness = rng.uniform(3, 97, 4000).astype(np.float32)
    a, b = rng.uniform(-150, 150, (2, 4000)).astype(np.float32)
    f = lab.f_from_lightness(lightness)
    y = lab.xyz_from_f(f)
    here = gamut.chroma_scale(f, y, a, b, SRGB.rgb_from_xyz.astype(np.float32))
    shaped = torch.from_numpy(lightness).view(1, 1, 1, -1), torch.from_numpy(np.stack((a, b))).view(1, 2, 1, -1)
    there = gpu.chroma_scale(*shaped).flatten().numpy()
    assert (here < 1).sum() > 1000 and (here == 1).sum() > 100
    np.testing.assert_allclose(there, here, atol=2**-15)
    linear = gamut.linear_inside(f, a, b, SRGB.rgb_from_xyz.astype(np.float32))
    wanted = gpu.linear_from_lab(shaped[0], shaped[1] * torch.from_numpy(here))[0, :, 0]
    np.testing.assert_allclose(np.stack(linear), wanted, atol=2e-5)
