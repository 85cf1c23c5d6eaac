"""The options of `colorize` that mend photos, and what they are together."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

from colorize_cli.cli.options import RESTORATION, option
from colorize_cli.errors import UsageError
from colorize_cli.restore.choices import AUTO, Crop, Inpaint, Invert, Repair, RestoreOptions, parse_repairs

RestoreOpt = Annotated[
    str | None,
    option(
        RESTORATION,
        metavar="auto|scratches,noise,fading,stains,halftone,faces",
        help="Mend photos before coloring: auto does what each needs, names do what they say; auto,faces is both.",
        show_default=False,
    ),
]
RestoreOnlyOpt = Annotated[
    bool, option(RESTORATION, "--restore-only", help="Mend photos and leave them black-and-white; no model is loaded.")
]
CropOpt = Annotated[
    Crop,
    option(
        RESTORATION,
        help="Cut off what a scanner leaves black or white around a picture, and turn what lies askew level.",
    ),
]
InvertOpt = Annotated[
    Invert, option(RESTORATION, help="Turn negatives into positives: auto tells them by the film's margin.")
]
DenoiseOpt = Annotated[
    float | None,
    option(
        RESTORATION,
        min=0,
        max=1,
        metavar="0-1",
        help="Share of the noise that --restore takes away; 0.75 if not given, 1 for --restore-model.",
        show_default=False,
    ),
]
MaskOpt = Annotated[
    Path | None,
    option(
        RESTORATION,
        metavar="DIR",
        help="Folder of PNG masks, white where a photo is damaged; start from those of --mask-out.",
    ),
]
MaskOutOpt = Annotated[
    Path | None, option(RESTORATION, metavar="DIR", help="Write the masks of the dust and scratches that were filled.")
]
RestoreModelOpt = Annotated[
    str | None,
    option(
        RESTORATION,
        metavar="scunet|FILE",
        help="Network that takes noise away in place of the classical way; any that spandrel knows.",
    ),
]
FaceWeightOpt = Annotated[
    float, option(RESTORATION, min=0, max=1, metavar="0-1", help="Share of the restored face in --restore faces.")
]
InpaintOpt = Annotated[Inpaint, option(RESTORATION, help="Method that fills dust and scratches; lama is downloaded.")]
UpscaleOpt = Annotated[int | None, option(RESTORATION, metavar="2|4", help="Enlarge photos, by Real-ESRGAN.")]
UpscaleModelOpt = Annotated[
    str | None, option(RESTORATION, metavar="FILE", help="Network that enlarges photos; any that spandrel knows.")
]


def restore_options(
    repairs: str | None,
    only: bool,
    denoise: float | None,
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
        part = denoise is not None and restore_model is None
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
