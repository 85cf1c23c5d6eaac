"""Options that commands share, each declared once, with its unit."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from colorize_cli.inference.option_values import Method, OnColor, OutputFormat, Precision, Sidecars, Strip

PhotosArg = Annotated[
    list[str] | None,
    typer.Argument(metavar="PHOTOS...", help="Files, folders and globs, in any mix.", show_default=False),
]
FilesFromOpt = Annotated[
    str | None,
    typer.Option(metavar="LIST|-", help="Read more inputs from a file, one a line (or NUL-separated); - is stdin."),
]
OutOpt = Annotated[
    Path,
    typer.Option(
        "--out", "-o", metavar="PATH", envvar="COLORIZE_OUT", help="Folder for the results; or, for one photo, a file."
    ),
]
ModelOpt = Annotated[
    str,
    typer.Option(
        "--model", "-m", metavar="NAME|FILE|USER/REPO", envvar="COLORIZE_MODEL", help="See: colorize models list."
    ),
]
DeviceOpt = Annotated[
    str,
    typer.Option(
        metavar="auto|cpu|cuda[:N]|mps",
        envvar="COLORIZE_DEVICE",
        help="Where the network runs; auto takes a GPU if there is one.",
    ),
]
PrecisionOpt = Annotated[Precision, typer.Option(envvar="COLORIZE_PRECISION", help="Arithmetic of the network.")]
BatchOpt = Annotated[int, typer.Option(min=0, metavar="PHOTOS", help="Photos a pass of the network; 0 is automatic.")]
JobsOpt = Annotated[
    int,
    typer.Option(
        "--jobs",
        "-j",
        min=0,
        metavar="THREADS",
        envvar="COLORIZE_JOBS",
        help="Threads that read and write; 0 is automatic.",
    ),
]
FormatOpt = Annotated[OutputFormat, typer.Option(help="Format of the results; keep is the source's own.")]
QualityOpt = Annotated[
    int | None,
    typer.Option(min=1, max=100, metavar="1-100", help="JPEG or WebP quality.", show_default="near the source's"),
]
VividnessOpt = Annotated[
    float | None,
    typer.Option(
        min=0.0,
        max=1.0,
        metavar="0..1",
        envvar="COLORIZE_VIVIDNESS",
        help="0 is the safest mean colour, 1 the most vivid.",
        show_default="the model's own",
    ),
]
SaturationOpt = Annotated[
    float, typer.Option(min=0.0, max=4.0, metavar="FACTOR", help="Factor on the chroma of the result.")
]
OverwriteOpt = Annotated[
    bool,
    typer.Option(
        "--overwrite/--skip-existing",
        help="Redo results that are there, or skip those that the same model, weights and settings made.",
    ),
]
SuffixOpt = Annotated[
    str, typer.Option(metavar="TEXT", help="Text added to each name, before its suffix, such as _color.")
]
RecursiveOpt = Annotated[bool, typer.Option("--recursive/--no-recursive", help="Go into folders within folders.")]
CompareOpt = Annotated[bool, typer.Option("--compare", help="Write before|after pairs too (NAME.compare.jpg).")]
OnColorOpt = Annotated[
    OnColor,
    typer.Option(
        help="Color that a photo has of its own, toning and fading aside: keep-regions keeps it where it is (stamps, "
        "ink, mounts, tinting), colors the rest, and copies photos in color; copy and skip leave photos with any color "
        "as they are; recolor gives all new colors."
    ),
]
DryRunOpt = Annotated[bool, typer.Option("--dry-run", help="Say what would be done; write nothing.")]
StripOpt = Annotated[Strip, typer.Option(help="Leave metadata out: gps (where it was taken) or all of it.")]
SidecarsOpt = Annotated[
    Sidecars,
    typer.Option(help="Files beside a photo that are about it (NAME.xmp, NAME.jpg.xmp, Takeout's NAME.jpg.json)."),
]
SalvageOpt = Annotated[bool, typer.Option("--salvage", help="Take what is there of damaged files, and say so.")]
VerifyOpt = Annotated[
    bool, typer.Option("--verify", help="Read every result back; prove lightness, size and metadata.")
]
MaxPixelsOpt = Annotated[
    str,
    typer.Option(metavar="PIXELS", help="Largest page that is read, such as 200M or 2G; larger files fail by name."),
]
MaxMemoryOpt = Annotated[
    str,
    typer.Option(
        metavar="BYTES",
        help="Memory of the whole process, such as 800M or 4G; large scans go in strips, what cannot is refused.",
        show_default="half of what is available",
    ),
]
PhotoTimeoutOpt = Annotated[
    float | None,
    typer.Option(
        min=0.1, metavar="SECONDS", help="A photo that takes longer fails, and the others go on.", show_default="off"
    ),
]
ReportOpt = Annotated[
    Path | None,
    typer.Option(metavar="FILE.json", help="Where the report goes.", show_default="colorize-report.json under --out"),
]
HintsOpt = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR|FILE",
        help="Side-cars with colours: NAME.hints.png (scribbles on a transparent layer) or NAME.hints.json (points).",
    ),
]
MethodOpt = Annotated[
    Method,
    typer.Option(help="Who colours: the network; levin from --hints alone; welsh or charpiat from --reference alone."),
]
ReferenceOpt = Annotated[
    Path | None,
    typer.Option(
        metavar="PHOTO|DIR", help="Photos in colour, whose colours are carried over; one serves a whole album."
    ),
]
VariantsOpt = Annotated[
    int,
    typer.Option(
        min=1,
        max=64,
        metavar="N",
        help="Colourings of each photo: NAME.variant2 to NAME.variantN beside NAME, and a sheet, NAME.variants.jpg.",
    ),
]
SeedOpt = Annotated[int, typer.Option(min=0, metavar="S", help="Of --variants and --reference: other choices.")]
ConsistentOpt = Annotated[
    bool, typer.Option("--consistent", help="Photos of one scene get the same colours for the same things.")
]
DetailOpt = Annotated[
    str,
    typer.Option(
        metavar="auto|off|1|2...",
        help="Look closer than once at the whole: auto sees the pictures of a contact sheet one by one; "
        "a number goes over each by tiles that often, at twice the size each time.",
    ),
]
TileOpt = Annotated[
    int,
    typer.Option(min=0, metavar="PX", help="Tile edge in pixels as the network sees them; 0 means automatic."),
]
OverlapOpt = Annotated[
    int | None,
    typer.Option(min=0, metavar="PX", help="Overlap of neighbouring tiles.", show_default="half a tile"),
]
JsonOpt = Annotated[bool, typer.Option("--json", help="Print the summary as JSON on stdout.")]
QuietOpt = Annotated[bool, typer.Option("--quiet", "-q", help="No progress and no summary; errors only.")]
