"""Options of the commands that open data sets, `colorize train` and `colorize eval`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from colorize_cli.cli.options import FILES

RootOpt = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR",
        envvar="COLORIZE_DATA_ROOT",
        help="Folder of data sets; local copies are found there.",
        rich_help_panel=FILES,
    ),
]
LicenceOpt = Annotated[
    bool, typer.Option("--accept-license", help="Accept the data set's terms.", rich_help_panel=FILES)
]
