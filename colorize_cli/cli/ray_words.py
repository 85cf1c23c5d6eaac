"""What Ray says of its own: settings of the whole process, which only the program makes.

In:  nothing
Out: `RAY_USAGE_STATS_ENABLED` and `RAY_BACKEND_LOG_LEVEL` in the environment, where the user has not set them
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def quiet_ray() -> Iterator[None]:
    """Let Ray start without a word: no report to its makers, and no lines of its log, which are for its developers.

    What goes wrong is raised as well. Its C++ part knows no level at which it does not tell its level.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")
    sys.stderr.flush()
    kept = os.dup(2)
    try:
        with open(os.devnull, "wb") as nothing:
            os.dup2(nothing.fileno(), 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
