"""Options of `colorize` that say how photos are worked on, and what is told of them: large images, speed, reports."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from colorize_cli.cli.options import LARGE, REPORTING, SPEED


class Engine(StrEnum):
    """What runs the photos of a batch."""

    local = "local"
    ray = "ray"


DetailOpt = Annotated[
    str,
    typer.Option(
        metavar="auto|off|1|2...",
        help="Refine the prediction: auto looks at the frames of a contact sheet one by one; "
        "a number goes over each by tiles that often, at twice the size each time.",
        rich_help_panel=LARGE,
    ),
]
TileOpt = Annotated[
    int,
    typer.Option(
        min=0,
        metavar="PX",
        help="Tile edge in pixels as the network sees them; 0 means automatic.",
        rich_help_panel=LARGE,
    ),
]
OverlapOpt = Annotated[
    int | None,
    typer.Option(
        min=0,
        metavar="PX",
        help="Overlap of neighboring tiles.",
        show_default="half a tile",
        rich_help_panel=LARGE,
    ),
]
MaxPixelsOpt = Annotated[
    str,
    typer.Option(
        metavar="PIXELS",
        help="Largest page that is read, such as 200M or 2G; larger files fail by name.",
        rich_help_panel=LARGE,
    ),
]
BatchOpt = Annotated[
    int,
    typer.Option(min=0, metavar="PHOTOS", help="Photos a pass of the network; 0 is automatic.", rich_help_panel=SPEED),
]
JobsOpt = Annotated[
    int,
    typer.Option(
        "--jobs",
        "-j",
        min=0,
        metavar="THREADS",
        envvar="COLORIZE_JOBS",
        help="Threads that read and write; 0 is automatic.",
        rich_help_panel=SPEED,
    ),
]
EngineOpt = Annotated[
    Engine,
    typer.Option(
        help="Engine of the run: this process, or Ray, on this machine or a cluster (extra ray).",
        rich_help_panel=SPEED,
    ),
]
AddressOpt = Annotated[
    str | None,
    typer.Option(
        metavar="ADDRESS",
        help="Ray cluster, such as ray://HOST:10001 or auto.",
        show_default="Ray on this machine",
        rich_help_panel=SPEED,
    ),
]
WorkersOpt = Annotated[
    int,
    typer.Option(
        min=0,
        metavar="N",
        help="Workers of --engine ray, each with a model; 0 is one for each GPU, or each few cores.",
        rich_help_panel=SPEED,
    ),
]
MaxMemoryOpt = Annotated[
    str,
    typer.Option(
        metavar="BYTES",
        help="Memory of the whole process, such as 800M or 4G; large images are streamed, what cannot be is refused.",
        show_default="half of what is available",
        rich_help_panel=SPEED,
    ),
]
PhotoTimeoutOpt = Annotated[
    float | None,
    typer.Option(
        min=0.1,
        metavar="SECONDS",
        help="Time limit of each photo; one that takes longer fails, and the others go on.",
        show_default="off",
        rich_help_panel=SPEED,
    ),
]
VerifyOpt = Annotated[
    bool,
    typer.Option(
        "--verify",
        help="Read every result back; prove lightness, size and metadata.",
        rich_help_panel=REPORTING,
    ),
]
ReportOpt = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE.json",
        help="File of the report; of more than 10,000 photos it is JSON Lines.",
        show_default="colorize-report.json under --out",
        rich_help_panel=REPORTING,
    ),
]
JsonOpt = Annotated[
    bool, typer.Option("--json", help="Print the summary as JSON on stdout.", rich_help_panel=REPORTING)
]
QuietOpt = Annotated[
    bool,
    typer.Option("--quiet", "-q", help="Show no progress and no summary; errors only.", rich_help_panel=REPORTING),
]
