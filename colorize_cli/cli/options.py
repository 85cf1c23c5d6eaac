"""Options of `colorize`, each declared once, with its unit and its group in --help."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from colorize_cli.cli.completion import complete_devices, complete_models
from colorize_cli.inference.option_values import Method, OnColor, OutputFormat, Precision, Sidecars, Strip

FILES, MODEL, COLOR, GUIDANCE = "Input and output", "Model", "Color", "Guidance"
RESTORATION, LARGE, SPEED, REPORTING = "Restoration", "Large images", "Performance", "Reporting"

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
    typer.Option(
        metavar="LIST|-",
        help="Read more inputs from a file, one a line (or NUL-separated); - is stdin.",
        rich_help_panel=FILES,
    ),
]
OutOpt = Annotated[
    Path,
    typer.Option(
        "--out",
        "-o",
        metavar="PATH",
        envvar="COLORIZE_OUT",
        help="Folder for the results, or its URL; or, for one photo or film, a file.",
        rich_help_panel=FILES,
    ),
]
FormatOpt = Annotated[
    OutputFormat, typer.Option(help="Format of the results; keep is the source's own.", rich_help_panel=FILES)
]
CodecOpt = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="Codec of a film's picture: h264, hevc, av1, vp9, mpeg4, mpeg2, prores, ffv1 and others.",
        show_default="the source's",
        rich_help_panel=FILES,
    ),
]
DeinterlaceOpt = Annotated[
    bool,
    typer.Option("--deinterlace", help="Make interlaced films progressive.", rich_help_panel=FILES),
]
QualityOpt = Annotated[
    int | None,
    typer.Option(
        min=1,
        max=100,
        metavar="1-100",
        help="JPEG, WebP or film quality; of a film 85 where nothing is said.",
        show_default="near the source's",
        rich_help_panel=FILES,
    ),
]
OverwriteOpt = Annotated[
    bool,
    typer.Option(
        "--overwrite/--skip-existing",
        help="Redo results that exist, or skip those that the same model, weights and settings made.",
        rich_help_panel=FILES,
    ),
]
SuffixOpt = Annotated[
    str,
    typer.Option(
        metavar="TEXT", help="Text added to each name, before its suffix, such as _color.", rich_help_panel=FILES
    ),
]
RecursiveOpt = Annotated[
    bool, typer.Option("--recursive/--no-recursive", help="Go into folders within folders.", rich_help_panel=FILES)
]
ShardOpt = Annotated[
    str | None,
    typer.Option(
        metavar="N/OF",
        help="Do one part of the photos, such as 3/16, by a hash of their paths; see colorize report merge.",
        show_default="all",
        rich_help_panel=FILES,
    ),
]
StorageOpt = Annotated[
    list[str] | None,
    typer.Option(
        "--storage-option",
        metavar="KEY=VALUE",
        help="Option of an object store, such as endpoint_url=http://HOST; credentials come from its usual variables.",
        show_default=False,
        rich_help_panel=FILES,
    ),
]
CompareOpt = Annotated[
    bool,
    typer.Option("--compare", help="Write before|after pairs too (NAME.compare.jpg).", rich_help_panel=FILES),
]
GalleryOpt = Annotated[
    bool,
    typer.Option(
        "--gallery",
        help="Write gallery.html beside the results: a page to look at them, before|after.",
        rich_help_panel=FILES,
    ),
]
DryRunOpt = Annotated[
    bool, typer.Option("--dry-run", help="Say what would be done; write nothing.", rich_help_panel=FILES)
]
StripOpt = Annotated[
    Strip,
    typer.Option(help="Leave metadata out: gps (where it was taken) or all of it.", rich_help_panel=FILES),
]
SidecarsOpt = Annotated[
    Sidecars,
    typer.Option(
        help="Copy or skip files beside a photo that are about it (NAME.xmp, NAME.jpg.xmp, Takeout's NAME.jpg.json).",
        rich_help_panel=FILES,
    ),
]
SalvageOpt = Annotated[
    bool,
    typer.Option("--salvage", help="Take what is left of damaged files, and say so.", rich_help_panel=FILES),
]
ModelOpt = Annotated[
    str,
    typer.Option(
        "--model",
        "-m",
        metavar="NAME|FILE|USER/REPO",
        envvar="COLORIZE_MODEL",
        help="Colorization model; a+b is the mean of two. The list: colorize models list.",
        autocompletion=complete_models,
        rich_help_panel=MODEL,
    ),
]
DeviceOpt = Annotated[
    str,
    typer.Option(
        metavar="auto|cpu|cuda[:N]|mps",
        envvar="COLORIZE_DEVICE",
        help="Device of the network; auto takes a GPU if there is one.",
        autocompletion=complete_devices,
        rich_help_panel=MODEL,
    ),
]
PrecisionOpt = Annotated[
    Precision,
    typer.Option(envvar="COLORIZE_PRECISION", help="Arithmetic of the network.", rich_help_panel=MODEL),
]
VividnessOpt = Annotated[
    float | None,
    typer.Option(
        min=0.0,
        max=1.0,
        metavar="0..1",
        envvar="COLORIZE_VIVIDNESS",
        help="Vividness: 0 is the safest mean color, 1 the most vivid.",
        show_default="the model's own",
        rich_help_panel=COLOR,
    ),
]
SaturationOpt = Annotated[
    float,
    typer.Option(min=0.0, max=4.0, metavar="FACTOR", help="Factor on the chroma of the result.", rich_help_panel=COLOR),
]
OnColorOpt = Annotated[
    OnColor,
    typer.Option(
        help="Treatment of color that a photo has of its own, toning and fading aside: keep-regions keeps it where it "
        "is (stamps, ink, mounts, tinting), colors the rest, and copies photos in color; copy and skip leave photos "
        "with any color as they are; recolor gives all new colors.",
        rich_help_panel=COLOR,
    ),
]
HintsOpt = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR|FILE",
        help="Side-cars with colors: NAME.hints.png (scribbles on a transparent layer) or NAME.hints.json (points).",
        rich_help_panel=GUIDANCE,
    ),
]
MethodOpt = Annotated[
    Method,
    typer.Option(
        help="Colorization method: the network; levin from --hints alone; welsh or charpiat from --reference alone.",
        rich_help_panel=GUIDANCE,
    ),
]
ReferenceOpt = Annotated[
    Path | None,
    typer.Option(
        metavar="PHOTO|DIR",
        help="Photos in color, whose colors are carried over; one serves a whole album.",
        rich_help_panel=GUIDANCE,
    ),
]
VariantsOpt = Annotated[
    int,
    typer.Option(
        min=1,
        max=64,
        metavar="N",
        help="Colorings of each photo: NAME.variant2 to NAME.variantN beside NAME, and a sheet, NAME.variants.jpg.",
        rich_help_panel=GUIDANCE,
    ),
]
SeedOpt = Annotated[
    int,
    typer.Option(min=0, metavar="S", help="Random seed of --variants and --reference.", rich_help_panel=GUIDANCE),
]
ConsistentOpt = Annotated[
    bool,
    typer.Option(
        "--consistent", help="Give photos of one scene the same colors for the same things.", rich_help_panel=GUIDANCE
    ),
]
