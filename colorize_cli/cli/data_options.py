"""Options of the commands that open data sets, `colorize train` and `colorize eval`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from colorize_cli.cli.options import FILES, option

RootOpt = Annotated[
    Path | None,
    option(
        FILES, metavar="DIR", envvar="COLORIZE_DATA_ROOT", help="Folder of data sets; local copies are found there."
    ),
]
LicenseOpt = Annotated[bool, option(FILES, "--accept-license", help="Accept the data set's terms.")]
