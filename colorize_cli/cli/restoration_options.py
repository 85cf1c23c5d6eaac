"""The options of `colorize` that mend photos, and what they are together."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from colorize_cli.cli.options import RESTORATION
from colorize_cli.errors import UsageError
from colorize_cli.restore.choices import AUTO, Crop, Invert, Repair, RestoreOptions, parse_repairs

RestoreOpt = Annotated[
    str | None,
    typer.Option(
        metavar="auto|scratches,noise,fading,stains,halftone",
        help="Mend photos before coloring: auto does what each needs, names do what they say.",
        show_default=False,
        rich_help_panel=RESTORATION,
    ),
]
RestoreOnlyOpt = Annotated[
    bool,
    typer.Option(
        "--restore-only",
        help="Mend photos and leave them black-and-white; no model is loaded.",
        rich_help_panel=RESTORATION,
    ),
]
CropOpt = Annotated[
    Crop,
    typer.Option(
        help="Cut off what a scanner leaves black or white around a picture, and turn what lies askew level.",
        rich_help_panel=RESTORATION,
    ),
]
InvertOpt = Annotated[
    Invert,
    typer.Option(
        help="Turn negatives into positives: auto tells them by the film's margin.", rich_help_panel=RESTORATION
    ),
]
DenoiseOpt = Annotated[
    float,
    typer.Option(
        min=0, max=1, metavar="0-1", help="Share of the noise that --restore takes away.", rich_help_panel=RESTORATION
    ),
]
MaskOpt = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR",
        help="Folder of PNG masks, white where a photo is damaged; start from those of --mask-out.",
        rich_help_panel=RESTORATION,
    ),
]
MaskOutOpt = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR", help="Write the masks of the dust and scratches that were filled.", rich_help_panel=RESTORATION
    ),
]


def restore_options(
    repairs: str | None,
    only: bool,
    denoise: float,
    mask: Path | None,
    mask_out: Path | None,
    crop: Crop,
    invert: Invert,
) -> RestoreOptions:
    """What was typed, as one group.

    Raises:
        UsageError: a name is none, or an option needs another.
    """
    frames = RestoreOptions(only=only, crop=crop is Crop.borders, invert=invert is Invert.auto)
    if repairs is None and (not only or frames.frames):
        for name, given in (("--denoise", denoise != 1), ("--mask", mask), ("--mask-out", mask_out)):
            if given:
                raise UsageError(f"{name} needs --restore", hint="Add --restore auto, or --restore scratches,noise.")
        return frames
    wanted, auto = parse_repairs(AUTO if repairs is None else repairs)
    if (mask or mask_out) and Repair.scratches not in wanted:
        raise UsageError("--mask and --mask-out are of dust and scratches", hint="Add scratches to --restore.")
    return replace(frames, repairs=wanted, auto=auto, denoise=denoise, masks=mask, masks_out=mask_out)
