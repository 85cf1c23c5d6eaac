"""How the threads of a network wait for each other; it has to be said before torch and numpy load.

In:  nothing
Out: `OMP_WAIT_POLICY` and `OPENBLAS_NUM_THREADS` in the environment, where the user has not set them
"""

from __future__ import annotations

import os


def wait_asleep() -> None:
    """Let a network's threads sleep while they wait.

    By default they keep their cores busy until the slowest is done. Where other threads decode and encode beside
    them, or other programs run, that takes from the very thread that they wait for: several times the time is lost.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # numpy's matrices are small, and the photos keep the cores busy
