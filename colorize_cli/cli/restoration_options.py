"""The options of `colorize` that mend photos, and what they are together."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from colorize_cli.cli.options import RESTORATION
from colorize_cli.errors import UsageError
from colorize_cli.restore.choices import AUTO, Crop, Inpaint, Invert, Repair, RestoreOptions, parse_repairs

RestoreOpt = Annotated[
    str | None,
    typer.Option(
        metavar="auto|scratches,noise,fading,stains,halftone,faces",
        help="Mend photos before coloring: auto does what each needs, names do what they say; auto,faces is both.",
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
RestoreModelOpt = Annotated[
    str | None,
    typer.Option(
        metavar="scunet|FILE",
        help="Network that takes noise away in place of the classical way; any that spandrel knows.",
        rich_help_panel=RESTORATION,
    ),
]
FaceWeightOpt = Annotated[
    float,
    typer.Option(
        min=0, max=1, metavar="0-1", help="Share of the restored face in --restore faces.", rich_help_panel=RESTORATION
    ),
]
InpaintOpt = Annotated[
    Inpaint, typer.Option(help="Method that fills dust and scratches; lama is downloaded.", rich_help_panel=RESTORATION)
]
UpscaleOpt = Annotated[
    int | None,
    typer.Option(metavar="2|4", help="Enlarge photos, by Real-ESRGAN.", rich_help_panel=RESTORATION),
]
UpscaleModelOpt = Annotated[
    str | None,
    typer.Option(
        metavar="FILE",
        help="Network that enlarges photos; any that spandrel knows.",
        rich_help_panel=RESTORATION,
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
    restore_model: str | None = None,
    upscale: int | None = None,
    upscale_model: str | None = None,
    face_weight: float = 0.5,
    inpaint: Inpaint = Inpaint.classical,
) -> RestoreOptions:
    """What was typed, as one group.

    Raises:
        UsageError: a name is none, or an option needs another.
    """
    if upscale is None:
        upscale = 0 if upscale_model else 1
    frames = RestoreOptions(
        only=only,
        crop=crop is Crop.borders,
        invert=invert is Invert.auto,
        restore_model=restore_model,
        upscale=upscale,
        upscale_model=upscale_model,
        face_weight=face_weight,
    )
    if repairs is None and (not only or frames):
        part = denoise != 1 and restore_model is None
        for name, given in (
            ("--denoise", part),
            ("--mask", mask),
            ("--mask-out", mask_out),
            ("--face-weight", face_weight != 0.5),
            ("--inpaint", inpaint is Inpaint.lama),
        ):
            if given:
                raise UsageError(f"{name} needs --restore", hint="Add --restore auto, or --restore scratches,noise.")
        return replace(frames, denoise=denoise)
    wanted, auto = parse_repairs(AUTO if repairs is None else repairs)
    if (mask or mask_out) and Repair.scratches not in wanted:
        raise UsageError("--mask and --mask-out are of dust and scratches", hint="Add scratches to --restore.")
    if inpaint is Inpaint.lama and Repair.scratches not in wanted:
        raise UsageError("--inpaint fills dust and scratches", hint="Add scratches to --restore.")
    if face_weight != 0.5 and Repair.faces not in wanted:
        raise UsageError("--face-weight is of restored faces", hint="Add faces to --restore: --restore auto,faces.")
    return replace(frames, repairs=wanted, auto=auto, denoise=denoise, masks=mask, masks_out=mask_out, inpaint=inpaint)
