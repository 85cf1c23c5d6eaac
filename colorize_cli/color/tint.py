"""Placeholder."""
import numpy as np
HAS_COLOUR = 4.0
def residual_chroma(pixels, space=None):
    import cv2
    p = pixels if pixels.dtype == np.uint8 else (pixels >> 8).astype(np.uint8)
    lab = cv2.cvtColor(p.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    return float(np.hypot(lab[..., 1] - lab[..., 1].mean(), lab[..., 2] - lab[..., 2].mean()).mean())
