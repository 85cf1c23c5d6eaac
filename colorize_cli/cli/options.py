"""Options of `colorize`, each declared once, with its unit and its group in --help."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from colorize_cli.cli.completion import complete_devices, complete_formats, complete_models
from colorize_cli.errors import quoted
from colorize_cli.inference.option_values import Method, OnColor, OutputFormat, Precision, Sidecars, Strip

FILES, MODEL, COLOR, GUIDANCE = "Input and output", "Model", "Color", "Guidance"
RESTORATION, LARGE, SPEED, REPORTING = "Restoration", "Large images", "Performance", "Reporting"


def option(panel: str, *declared: str, **how: Any) -> Any:
    """An option in a panel of `--help`; for the rest see `typer.Option`."""
    return typer.Option(*declared, rich_help_panel=panel, **how)


PhotosArg = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="PHOTOS...",
        help="Files, folders and globs, in any mix; or URLs: s3://, gs://, hf:// (extras s3, gs, hf).",
        show_default=False,
    ),
]
FilesFromOpt = Annotated[
    str | None,
    option(FILES, metavar="LIST|-", help="Read more inputs from a file, one a line (or NUL-separated); - is stdin."),
]
OutOpt = Annotated[
    Path,
    option(
        FILES,
        "--out",
        "-o",
        metavar="PATH",
        envvar="COLORIZE_OUT",
        help="Folder for the results, or its URL; or, for one photo or film, a file.",
    ),
]


def _output_format(text: str) -> OutputFormat:
    """A format by its name, or by another suffix that its files have."""
    name = text.lower().removeprefix(".")
    name = {"jpeg": "jpg", "tiff": "tif"}.get(name, name)
    if name not in set(OutputFormat):
        raise ValueError(f"{quoted(text)} is not one of {', '.join(OutputFormat)}")
    return OutputFormat(name)


FormatOpt = Annotated[
    OutputFormat,
    option(
        FILES,
        parser=_output_format,
        metavar=f"<{'|'.join(OutputFormat)}>",
        autocompletion=complete_formats,
        help="Format of the results; keep is the source's own.",
    ),
]
CodecOpt = Annotated[
    str | None,
    option(
        FILES,
        metavar="NAME",
        help="Codec of a film's picture: h264, hevc, av1, vp9, mpeg4, mpeg2, prores, ffv1 and others.",
        show_default="the source's",
    ),
]
DeinterlaceOpt = Annotated[bool, option(FILES, "--deinterlace", help="Make interlaced films progressive.")]
QualityOpt = Annotated[
    int | None,
    option(
        FILES,
        min=1,
        max=100,
        metavar="1-100",
        help="JPEG, WebP or film quality; of a film 85 where nothing is said.",
        show_default="near the source's",
    ),
]
OverwriteOpt = Annotated[
    bool,
    option(
        FILES,
        "--overwrite/--skip-existing",
        help="Redo results that exist, or skip those that the same model, weights and settings made.",
    ),
]
SuffixOpt = Annotated[
    str, option(FILES, metavar="TEXT", help="Text added to each name, before its suffix, such as _color.")
]
RecursiveOpt = Annotated[bool, option(FILES, "--recursive/--no-recursive", help="Go into folders within folders.")]
ShardOpt = Annotated[
    str | None,
    option(
        FILES,
        metavar="N/OF",
        help="Do one part of the photos, such as 3/16, by a hash of their paths; see colorize report merge.",
        show_default="all",
    ),
]
StorageOpt = Annotated[
    list[str] | None,
    option(
        FILES,
        "--storage-option",
        metavar="KEY=VALUE",
        help="Option of an object store, such as endpoint_url=http://HOST; credentials come from its usual variables.",
        show_default=False,
    ),
]
CompareOpt = Annotated[bool, option(FILES, "--compare", help="Write before|after pairs too (NAME.compare.jpg).")]
GalleryOpt = Annotated[
    bool,
    option(FILES, "--gallery", help="Write gallery.html beside the results: a page to look at them, before|after."),
]
DryRunOpt = Annotated[bool, option(FILES, "--dry-run", help="Say what would be done; write nothing.")]
StripOpt = Annotated[Strip, option(FILES, help="Leave metadata out: gps (where it was taken) or all of it.")]
SidecarsOpt = Annotated[
    Sidecars,
    option(
        FILES,
        help="Copy or skip files beside a photo that are about it (NAME.xmp, NAME.jpg.xmp, Takeout's NAME.jpg.json).",
    ),
]
SalvageOpt = Annotated[bool, option(FILES, "--salvage", help="Take what is left of damaged files, and say so.")]
ModelOpt = Annotated[
    str,
    option(
        MODEL,
        "--model",
        "-m",
        metavar="NAME|FILE|USER/REPO",
        envvar="COLORIZE_MODEL",
        help="Colorization model; a+b is the mean of two. The list: colorize models list.",
        autocompletion=complete_models,
    ),
]
DeviceOpt = Annotated[
    str,
    option(
        MODEL,
        metavar="auto|cpu|cuda[:N]|mps",
        envvar="COLORIZE_DEVICE",
        help="Device of the network; auto takes a GPU if there is one.",
        autocompletion=complete_devices,
    ),
]
PrecisionOpt = Annotated[Precision, option(MODEL, envvar="COLORIZE_PRECISION", help="Arithmetic of the network.")]
VividnessOpt = Annotated[
    float | None,
    option(
        COLOR,
        min=0.0,
        max=1.0,
        metavar="0..1",
        envvar="COLORIZE_VIVIDNESS",
        help="Vividness: 0 is the safest mean color, 1 the most vivid.",
        show_default="the model's own",
    ),
]
SaturationOpt = Annotated[
    float, option(COLOR, min=0.0, max=4.0, metavar="FACTOR", help="Factor on the chroma of the result.")
]
OnColorOpt = Annotated[
    OnColor,
    option(
        COLOR,
        help="Treatment of color that a photo has of its own, toning and fading aside: keep-regions keeps it where it "
        "is (stamps, ink, mounts, tinting), colors the rest, and copies photos in color; copy and skip leave photos "
        "with any color as they are; recolor gives all new colors.",
    ),
]
HintsOpt = Annotated[
    Path | None,
    option(
        GUIDANCE,
        metavar="DIR|FILE",
        help="Side-cars with colors: NAME.hints.png (scribbles on a transparent layer) or NAME.hints.json (points).",
    ),
]
MethodOpt = Annotated[
    Method,
    option(
        GUIDANCE,
        help="Colorization method: the network; levin from --hints alone; welsh or charpiat from --reference alone.",
    ),
]
ReferenceOpt = Annotated[
    Path | None,
    option(
        GUIDANCE, metavar="PHOTO|DIR", help="Photos in color, whose colors are carried over; one serves a whole album."
    ),
]
VariantsOpt = Annotated[
    int,
    option(
        GUIDANCE,
        min=1,
        max=64,
        metavar="N",
        help="Colorings of each photo: NAME.variant2 to NAME.variantN beside NAME, and a sheet, NAME.variants.jpg.",
    ),
]
SeedOpt = Annotated[int, option(GUIDANCE, min=0, metavar="S", help="Random seed of --variants and --reference.")]
ConsistentOpt = Annotated[
    bool, option(GUIDANCE, "--consistent", help="Give photos of one scene the same colors for the same things.")
]
