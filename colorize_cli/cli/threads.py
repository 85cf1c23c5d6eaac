"""How many threads libraries use, and how they wait: settings of the whole process, which only the program makes.

In:  nothing; then a network that is loaded
Out: `OMP_WAIT_POLICY`, `OPENBLAS_NUM_THREADS` and `SVT_LOG` in the environment, where the user has not set them;
     OpenCV's and torch's numbers of threads
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from colorize_cli.pipeline.colorizer import Colorizer


def wait_asleep() -> None:
    """Let a network's threads sleep while they wait.

    By default they keep their cores busy until the slowest is done. Where other threads decode and encode beside
    them, or other programs run, that takes from the very thread that they wait for: several times the time is lost.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    os.environ.setdefault("SVT_LOG", "1")  # AV1's encoder prints thirty lines else; 1 is errors alone
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # numpy's matrices are small, and the photos keep the cores busy


def share_cores(colorizer: Colorizer) -> None:
    """Share the cores between the photos, which keep them busy, and the network, once that is loaded."""
    import cv2

    cv2.setNumThreads(1)
    if "torch" in sys.modules and colorizer.is_loaded and (info := colorizer.info).device == "cpu":
        import torch

        from colorize_cli.inference.devices import cpu_threads

        torch.set_num_threads(cpu_threads(info.parameters))
