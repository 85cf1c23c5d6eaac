"""`colorize data`: which data sets are kept decoded, and how to clear them."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from colorize_cli.cli import console

app = typer.Typer(
    help="List and clear the decoded photos that training keeps.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.command("list")
def list_data(as_json: Annotated[bool, typer.Option("--json", help="Print JSON on stdout.")] = False) -> None:
    """List the data sets that are kept decoded, with the disk that they take."""
    from colorize_cli.data.cache import kept_sets

    kept = kept_sets()
    if as_json:
        console.print_json([{**asdict(one), "folder": str(one.folder)} for one in kept])
        return
    for one in kept:
        console.stdout.print(
            f"{one.bytes / 1e9:.2f} GB  {one.photos} photos  {one.source or 'unknown'}  {one.folder}",
            markup=False, soft_wrap=True,
        )  # fmt: skip
    console.stderr.print(f"Decoded photos: {sum(one.bytes for one in kept) / 1e9:.2f} GB", markup=False)


@app.command()
def clear(
    source: Annotated[
        str, typer.Argument(metavar="PATH|FOLDER", help="Only those of this data set.", show_default="all of them")
    ] = "",
) -> None:
    """Remove decoded photos; they are decoded again when they are needed."""
    from colorize_cli.data.cache import clear as remove

    console.stderr.print(f"Freed: {remove(source) / 1e9:.2f} GB", markup=False)
