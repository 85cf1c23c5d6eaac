"""Numbers that a recipe may not have.

In:  a configuration
Out: nothing, or a `UsageError` that names the field, its value, and what it may be
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import asdict, is_dataclass
from typing import Any

from colorize_cli.errors import UsageError
from colorize_cli.training.config import TrainConfig

# least and most value of each field, wherever in the tables it stands; an open end is written as "(" or ")"
_RANGES = {
    "(0, inf)": ("margin", "discriminator_steps", "accumulate", "until"),
    "[1, inf)": ("size", "batch"),
    "[0, inf)": (
        "samples", "epochs", "steps", "warmup", "weight_decay", "clip", "uniform", "power", "class_weight",
        "source_power", "limit", "train_photos", "val_photos", "val_limit", "every", "sheet", "seed", "after", "weight",
        "encoder_rate", "lr", "pretrain_lr", "patience", "log_every",
    ),
    "[0, 1)": ("val", "ema", "betas"),
    "[0, 1]": (
        "smoothing", "share", "spectral_response", "tone_curve", "degradation", "hints", "flip", "neutral", "vividness",
    ),
    "(0, 1]": ("decay", "min_area"),
    "[8, inf)": ("short_side", "val_size"),
    "[-1, inf)": ("workers",),
}  # fmt: skip
_OF = {name: span for span, names in _RANGES.items() for name in names}


def check_ranges(config: TrainConfig) -> None:
    """See to it that every number of a recipe is finite and within what it may be.

    Raises:
        UsageError: one is not.
    """
    for key, value in _numbers(config, ""):
        name = next((part for part in reversed(key.split(".")) if not part.isdigit()), key)
        if not math.isfinite(value):
            raise UsageError(f"{key} must be a finite number, not {value}")
        span = _OF.get(name)
        if span is not None and not _within(value, span):
            raise UsageError(f"{key} must be {_in_words(span)}, not {value:g}")
    if config.discriminator is not None and config.discriminator.kind == "wgan" and config.discriminator.clip <= 0:
        raise UsageError(f"discriminator.clip must be more than 0, not {config.discriminator.clip:g}")


def _numbers(value: Any, key: str) -> Iterator[tuple[str, float]]:
    if is_dataclass(value) and not isinstance(value, type):
        value = {name: inner for name, inner in asdict(value).items() if not name.endswith("_args") and name != "parts"}
    if isinstance(value, dict):
        for name, inner in value.items():
            if not str(name).endswith("_args"):
                yield from _numbers(inner, f"{key}.{name}".strip("."))
    elif isinstance(value, (list, tuple)):
        for number, inner in enumerate(value):
            yield from _numbers(inner, f"{key}.{number}")
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        yield key, value


def _ends(span: str) -> tuple[float, float]:
    low, high = span[1:-1].split(", ")
    return float(low), float(high)


def _within(value: float, span: str) -> bool:
    low, high = _ends(span)
    above = value > low if span[0] == "(" else value >= low
    return above and (value < high if span[-1] == ")" else value <= high)


def _in_words(span: str) -> str:
    low, high = _ends(span)
    start = f"more than {low:g}" if span[0] == "(" else f"at least {low:g}"
    if math.isinf(high):
        return start
    return f"{start} and {'less than' if span[-1] == ')' else 'at most'} {high:g}"
