"""RGB profiles that are tables instead of a matrix and curves: their pixels are brought to sRGB.

In:  pixels, (H, W, 3), uint8, and the profile that they are in
Out: pixels in sRGB
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms

from colorize_cli.formats.profiles import srgb_transform


def to_srgb(pixels: NDArray[np.uint8], profile: bytes) -> NDArray[np.uint8] | None:
    """Apply a profile by relative colorimetry; None where the profile is broken or of another kind of pixels."""
    try:
        transform = srgb_transform(profile, "RGB")
        out = np.empty_like(pixels)
        for top in range(0, len(pixels), 512):
            strip = ImageCms.applyTransform(Image.fromarray(pixels[top : top + 512]), transform)
            if strip is None:
                return None
            out[top : top + 512] = np.asarray(strip)
        return out
    except (ImageCms.PyCMSError, OSError, ValueError):
        return None
