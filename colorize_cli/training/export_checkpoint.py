"""Checkpoints that `colorize` and `colorize eval` read, and the card that goes with them to the Hub.

In:  a run's weights and figures
Out: safetensors with name, arguments, recipe, data, figures and version in the header; a model card
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor

from colorize_cli.data.named import terms_of
from colorize_cli.models.catalog import network
from colorize_cli.models.checkpoint import CheckpointInfo, read_info, save_checkpoint
from colorize_cli.models.hubdata import check_target, publish
from colorize_cli.training.config import TrainConfig
from colorize_cli.training.state import cannot_write
from colorize_cli.version import __version__

_DTYPES = {"float16": torch.float16, "float32": torch.float32}


def info_of(config: TrainConfig, data: str, figures: Mapping[str, float]) -> CheckpointInfo:
    """What a checkpoint's header says; `mini` goes out without its auxiliary class head."""
    arguments = dict(config.generator_args)
    if network(config.generator).labels:
        arguments["classes"] = 0
    finite = {key: value for key, value in figures.items() if value == value}
    return CheckpointInfo(config.generator, arguments, config.recipe, data, __version__, finite)


def export(path: Path, state: Mapping[str, Tensor], info: CheckpointInfo, config: TrainConfig) -> None:
    """Write a checkpoint, whole or not at all.

    Raises:
        TrainingError: the disk is full or not writable.
    """
    shipped = {key: value for key, value in state.items() if not key.startswith("classifier.")}
    try:
        save_checkpoint(path, shipped, info, _DTYPES[config.export])
    except OSError as error:
        raise cannot_write(path, error) from error


def model_card(checkpoint: Path, terms: Sequence[str]) -> str:
    """A model card for the Hub, from what the checkpoint's header says.

    Args:
        checkpoint: an exported file.
        terms: of the data it learned from, a line each.
    """
    info = read_info(checkpoint)
    rows = [
        f"| {name} | {info.figures[key]:.2f} | {info.figures[other]:.2f} |"
        for name, key, other in (
            ("PSNR, dB (beside it: grey)", "psnr", "grey_psnr"),
            ("SSIM (beside it: grey)", "ssim", "grey_ssim"),
            ("colorfulness (beside it: the truth's)", "colorfulness", "truth_colorfulness"),
        )
        if key in info.figures and other in info.figures
    ]
    lines = [
        "---",
        "library_name: colorize-cli",
        "pipeline_tag: image-to-image",
        "tags: [image-colorization]",
        "license: other",
        "---",
        f"# {info.network} ({info.recipe})",
        "",
        f"Colorizes black-and-white photos. Trained by `colorize train --recipe {info.recipe}` of colorize-cli "
        f"{info.version} on {info.data or 'unnamed data'}.",
        "",
        "    colorize photos/ --model USER/REPO",
        "",
        "Measured on held-out photos of the same data when it was written, centre crops, by clipping to sRGB:",
        "",
        "| figure | this model | |",
        "|---|---|---|",
        *rows,
        "",
        "## Terms of the data",
        "",
        *(terms or ("Unknown: say here what the training photos' licenses allow.",)),
        "",
    ]
    return "\n".join(lines)


def check_push(repo: str) -> None:
    """See to it, before any work, that a checkpoint could be sent to the Hub.

    Raises:
        UsageError: no token, or `repo` is not user/name.
    """
    check_target(repo)


def push_checkpoint(checkpoint: Path, repo: str, data: Sequence[str]) -> str:
    """Send a checkpoint with its model card to the Hub; returns the commit's address.

    Raises:
        UsageError: no token, or `repo` is not user/name.
        DownloadError: the Hub refuses.
    """
    terms = [f"- {found}" for name in data if (found := terms_of(name)) is not None]
    card = model_card(checkpoint, terms).replace("USER/REPO", repo)
    files: dict[str, Path | bytes] = {"model.safetensors": checkpoint, "README.md": card.encode()}
    return publish(repo, files, f"Upload {read_info(checkpoint).network} trained by colorize-cli {__version__}")
