"""What may be asked of a photo's colorization, in groups: each part of the program is given those that it needs."""

from __future__ import annotations

from dataclasses import dataclass

from colorize_cli.inference.choices import Precision


@dataclass(frozen=True, kw_only=True)
class ModelOptions:
    """Which network, and how it runs.

    Attributes:
        name: catalogue name, checkpoint or ONNX file, `user/repo`, or several joined by `+`.
        device: `auto`, `cpu`, `cuda`, `cuda:N` or `mps`.
        precision: arithmetic.
        batch: photos a pass; 0 is automatic.
    """

    name: str = "mini"
    device: str = "auto"
    precision: Precision = Precision.auto
    batch: int = 0
