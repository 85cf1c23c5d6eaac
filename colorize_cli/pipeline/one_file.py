"""One photo file, colored by one call.

In:  a photo's path
Out: its result's file, and what became of it
"""

from __future__ import annotations

from pathlib import Path

from colorize_cli.pipeline.colorizer import Colorizer
from colorize_cli.pipeline.outcome import Outcome


def colorize_file(
    source: str | Path,
    destination: str | Path,
    model: str | Path = "mini",
    *,
    device: str = "auto",
    vividness: float | None = None,
    overwrite: bool = False,
) -> Outcome:
    """Color one photo file; for more than one, keep a `Colorizer`.

    Args, returns and raises: see `Colorizer` and `Colorizer.file`.
    """
    return Colorizer(model, device=device, vividness=vividness).file(source, destination, overwrite=overwrite)
