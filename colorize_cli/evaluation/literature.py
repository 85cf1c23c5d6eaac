"""Figures that others published, to stand beside ours: measured on other pictures, by other protocols.

Out: `Published` rows, each with its conditions
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Published:
    """One published measurement.

    Attributes:
        method: whose colors.
        conditions: on which pictures, how.
        metric: what was measured, as our column or in words.
        value: as printed in the source.
        unit: "" where it has none.
    """

    method: str
    conditions: str
    metric: str
    value: float
    unit: str = ""


WARNING = "Published figures were measured on other pictures, by other protocols: compare them with nothing here."

_COCO = "2,000 COCO photos at 256 px"
_VAL50K = "ImageNet val, 50,000 photos"
_PSNR_SSIM = (
    ("Zhang 2016", 21.7910, 0.8915),
    ("DeOldify", 23.5372, 0.9144),
    ("Iizuka 2016", 23.6362, 0.9173),
    ("Shafiq", 24.157, 0.941),
    ("ResNet-18 U-Net + PatchGAN", 24.7595, 0.9260),
)
_PSNR_COLORFULNESS = (("DDColor-L", 23.74, 38.7), ("DDColor-T", 23.63, 37.7))

PUBLISHED: tuple[Published, ...] = (
    *(
        row
        for method, psnr, ssim in _PSNR_SSIM
        for row in (Published(method, _COCO, "psnr", psnr, "dB"), Published(method, _COCO, "ssim", ssim))
    ),
    *(
        row
        for method, psnr, colorfulness in _PSNR_COLORFULNESS
        for row in (
            Published(method, _VAL50K, "psnr", psnr, "dB"),
            Published(method, _VAL50K, "colorfulness", colorfulness),
        )
    ),
    Published("Zhang 2016", "real-or-fake test", "taken for real", 32, "%"),
    Published("PatchGAN", "real-or-fake test on Places, 40 people, 20 pairs", "taken for real", 23, "%"),
    Published("Zhang 2016", "recolored ImageNet, pretrained VGG", "vgg_accuracy", 56, "%"),
    Published("truth", "ImageNet, pretrained VGG", "vgg_accuracy", 68.3, "%"),
)
