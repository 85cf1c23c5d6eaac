"""Options of `colorize` that say how photos are worked on, and what is told of them: large images, speed, reports."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

from colorize_cli.cli.options import LARGE, REPORTING, SPEED, option


class Engine(StrEnum):
    """What runs the photos of a batch."""

    local = "local"
    ray = "ray"


DetailOpt = Annotated[
    str,
    option(
        LARGE,
        metavar="auto|off|1|2...",
        help="Refine the prediction: auto looks at the frames of a contact sheet one by one; "
        "a number goes over each by tiles that often, at twice the size each time.",
    ),
]
TileOpt = Annotated[
    int, option(LARGE, min=0, metavar="PX", help="Tile edge in pixels as the network sees them; 0 means automatic.")
]
OverlapOpt = Annotated[
    int | None, option(LARGE, min=0, metavar="PX", help="Overlap of neighboring tiles.", show_default="half a tile")
]
MaxPixelsOpt = Annotated[
    str,
    option(LARGE, metavar="PIXELS", help="Largest page that is read, such as 200M or 2G; larger files fail by name."),
]
BatchOpt = Annotated[int, option(SPEED, min=0, metavar="PHOTOS", help="Photos a pass of the network; 0 is automatic.")]
JobsOpt = Annotated[
    int,
    option(
        SPEED,
        "--jobs",
        "-j",
        min=0,
        metavar="THREADS",
        envvar="COLORIZE_JOBS",
        help="Threads that read and write; 0 is automatic.",
    ),
]
EngineOpt = Annotated[
    Engine, option(SPEED, help="Engine of the run: this process, or Ray, on this machine or a cluster (extra ray).")
]
AddressOpt = Annotated[
    str | None,
    option(
        SPEED,
        metavar="ADDRESS",
        help="Ray cluster, such as ray://HOST:10001 or auto.",
        show_default="Ray on this machine",
    ),
]
WorkersOpt = Annotated[
    int,
    option(
        SPEED,
        min=0,
        metavar="N",
        help="Workers of --engine ray, each with a model; 0 is one for each GPU, or each few cores.",
    ),
]
MaxMemoryOpt = Annotated[
    str,
    option(
        SPEED,
        metavar="BYTES",
        help="Memory of the whole process, such as 800M or 4G; large images are streamed, what cannot be is refused.",
        show_default="half of what is available",
    ),
]
PhotoTimeoutOpt = Annotated[
    float | None,
    option(
        SPEED,
        min=0.1,
        metavar="SECONDS",
        help="Time limit of each photo; one that takes longer fails, and the others go on.",
        show_default="off",
    ),
]
VerifyOpt = Annotated[
    bool, option(REPORTING, "--verify", help="Read every result back; prove lightness, size and metadata.")
]
ReportOpt = Annotated[
    Path | None,
    option(
        REPORTING,
        metavar="FILE.json",
        help="File of the report; of more than 10,000 photos it is JSON Lines.",
        show_default="colorize-report.json under --out",
    ),
]
JsonOpt = Annotated[bool, option(REPORTING, "--json", help="Print the summary as JSON on stdout.")]
QuietOpt = Annotated[bool, option(REPORTING, "--quiet", "-q", help="Show no progress and no summary; errors only.")]
