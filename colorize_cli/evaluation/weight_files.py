"""The weights of LPIPS' own layers, which torchmetrics carries; pretrained networks' come from `models.weights`."""

from __future__ import annotations

from importlib.resources import as_file, files

from torch import Tensor

from colorize_cli.errors import WeightsError
from colorize_cli.models.published import read_state


def lpips_heads() -> dict[str, Tensor]:
    """The weights of LPIPS v0.1 on AlexNet's layers.

    Raises:
        WeightsError: torchmetrics came without them.
    """
    try:
        with as_file(files("torchmetrics.functional.image") / "lpips_models" / "alex.pth") as path:
            return read_state(path)
    except (OSError, ModuleNotFoundError) as error:
        raise WeightsError("lpips needs torchmetrics' own weights", hint="pip install torchmetrics") from error
