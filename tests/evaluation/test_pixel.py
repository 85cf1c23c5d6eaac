from __future__ import annotations

import numpy as np
import pytest
import torch
from skimage.color import deltaE_ciede2000, rgb2lab
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from colorize_cli.color.gpu import lab_of_levels, split
from colorize_cli.data.samples import sample_photos
from colorize_cli.errors import ShapeError
from colorize_cli.evaluation import pixel


def _pairs(picture) -> list[tuple[np.ndarray, np.ndarray]]:
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 256, (2, 37, 53, 3), dtype=np.uint8)
    pairs = [(noise[0], noise[1]), (picture(1), picture(2))]
    for _, rgb in sample_photos()[:2]:
        part = rgb[100:164, 120:200]
        pairs.append((np.clip(part.astype(int) + rng.integers(-9, 10, part.shape), 0, 255).astype(np.uint8), part))
    return pairs


def _tensor(rgb: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(rgb.copy()).permute(2, 0, 1)[None].float()


@pytest.mark.slow
@pytest.mark.parametrize("index", range(4))
def test_pixel_metrics_agree_with_scikit_image(index: int, picture):
    preds, target = _pairs(picture)[index]
    x, y = _tensor(preds), _tensor(target)
    assert pixel.psnr(x, y).item() == pytest.approx(peak_signal_noise_ratio(target, preds, data_range=255), abs=1e-4)
    settings = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False, "data_range": 255}
    expected = structural_similarity(target, preds, channel_axis=2, **settings)
    assert pixel.ssim(x, y).item() == pytest.approx(expected, abs=1e-5)
    expected = deltaE_ciede2000(rgb2lab(target), rgb2lab(preds)).mean()
    assert pixel.delta_e(x, y).item() == pytest.approx(expected, abs=2e-3)


def test_psnr_agrees_with_torchmetrics_told_not_to_pool(picture):
    from torchmetrics.functional.image import peak_signal_noise_ratio as tm_psnr

    x = torch.stack([_tensor(picture(i))[0] for i in (1, 2)])
    y = x + torch.tensor([2.0, 40.0])[:, None, None, None]
    dim, none = (1, 2, 3), "none"
    torch.testing.assert_close(pixel.psnr(x, y), tm_psnr(x, y, 255.0, reduction=none, dim=dim))
    assert (pixel.psnr(x, y).mean() - tm_psnr(x, y, 255.0)).abs() > 0.1  # pooled is another figure


# Sharma, Wu, Dalal 2005, table 1: the pairs that implementations get wrong
SHARMA = [
    ((50.0, 2.6772, -79.7751), (50.0, 0.0, -82.7485), 2.0425),
    ((50.0, 0.0, 0.0), (50.0, -1.0, 2.0), 2.3669),
    ((50.0, 2.49, -0.001), (50.0, -2.49, 0.0009), 7.1792),
    ((50.0, 2.49, -0.001), (50.0, -2.49, 0.0011), 7.2195),
    ((50.0, -0.001, 2.49), (50.0, 0.0011, -2.49), 4.7461),
    ((50.0, 2.5, 0.0), (73.0, 25.0, -18.0), 27.1492),
    ((50.0, 2.5, 0.0), (58.0, 24.0, 15.0), 19.4535),
    ((2.0776, 0.0795, -1.135), (0.9033, -0.0636, -0.5514), 0.9082),
    ((90.8027, -2.0831, 1.441), (91.1528, -1.6435, 0.0447), 1.4441),
]


@pytest.mark.parametrize(("first", "second", "expected"), SHARMA)
def test_ciede2000_reproduces_the_published_table(first, second, expected):
    one, two = (torch.tensor(lab, dtype=torch.float64).view(1, 3, 1, 1) for lab in (first, second))
    assert pixel.ciede2000(one, two).item() == pytest.approx(expected, abs=1e-4)
    assert pixel.ciede2000(two, one).item() == pytest.approx(expected, abs=1e-4)


def test_lab_of_8_bit_pictures_is_the_one_lab(picture):
    x = torch.cat([_tensor(picture(6)), torch.arange(256.0).repeat(1, 3, 1, 1)[..., :56].expand(1, 3, 40, 56)])
    torch.testing.assert_close(lab_of_levels(x), torch.cat(split(x / 255), 1), atol=1e-3, rtol=0)


def test_a_grey_view_of_one_channel_measures_like_three(picture):
    truth = _tensor(picture(7))
    one = truth[:, :1].expand(-1, 3, -1, -1)
    torch.testing.assert_close(pixel.ssim(one, truth), pixel.ssim(one.contiguous(), truth))
    torch.testing.assert_close(lab_of_levels(one), lab_of_levels(one.contiguous()), atol=1e-3, rtol=0)
    assert pixel.colorfulness(one) == pixel.colorfulness(one.contiguous()) == 0


def test_difference_from_a_grey_picture_agrees_with_scikit_image(picture):
    target = picture(8)
    grey = np.repeat(target[..., 1:2], 3, 2)
    expected = deltaE_ciede2000(rgb2lab(target), rgb2lab(grey)).mean()
    view = _tensor(target)[:, 1:2].expand(-1, 3, -1, -1)
    assert pixel.delta_e(view, _tensor(target)).item() == pytest.approx(expected, abs=2e-3)
    assert pixel.delta_e(_tensor(target), view).item() == pytest.approx(expected, abs=2e-3)


def test_grey_has_no_colorfulness_and_a_red_patch_on_grey_has_what_the_formula_says():
    grey = torch.full((1, 3, 4, 4), 90.0)
    assert pixel.colorfulness(grey).item() == 0
    half = grey.clone()
    half[0, 0, :2] = 190.0  # rg = 100, yb = 50 on half of the places
    expected = np.hypot(50, 25) + 0.3 * np.hypot(50, 25)
    assert pixel.colorfulness(half).item() == pytest.approx(expected, rel=1e-6)


def test_equal_pictures_are_equal(picture):
    x = _tensor(picture(1))
    assert pixel.psnr(x, x).item() == float("inf")
    assert pixel.ssim(x, x).item() == pytest.approx(1, abs=1e-6)
    assert pixel.delta_e(x, x).item() == 0


def test_psnr_is_a_mean_over_pictures_not_pooled():
    y = torch.full((2, 3, 16, 16), 100.0)
    x = y.clone()
    x[0] += 1
    x[1] += 100
    each = pixel.psnr(x, y)
    assert each[0].item() == pytest.approx(48.1308, abs=1e-3)
    assert each[1].item() == pytest.approx(8.1308, abs=1e-3)


def test_wrong_shapes_are_refused():
    with pytest.raises(ShapeError):
        pixel.psnr(torch.zeros(1, 3, 8, 8), torch.zeros(1, 3, 8, 9))
    with pytest.raises(ShapeError):
        pixel.ssim(torch.zeros(1, 3, 10, 40), torch.zeros(1, 3, 10, 40))
