"""`colorize models`: which models there are, which are downloaded, and how to pull, check and remove them."""

from __future__ import annotations

from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from colorize_cli.cli import console
from colorize_cli.cli.completion import complete_models
from colorize_cli.cli.options import FILES, MODEL, REPORTING, option
from colorize_cli.cli.progress import Meter
from colorize_cli.cli.screen import screen
from colorize_cli.errors import ExitStatus, UsageError, printable

_PIPED = 140  # columns of a table where stdout is no terminal

app = typer.Typer(
    help="List, inspect, pull, check and remove models.",
    epilog="Examples:\n\n  colorize models list\n\n  colorize models pull ddcolor siggraph17\n\n"
    "  colorize models pull --all --to /media/stick\n\n  colorize models pull --all --from /media/stick\n\n"
    "  colorize models export siggraph17 --to onnx",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)


class ExportFormat(StrEnum):
    """What a model can be written as."""

    onnx = "onnx"


NameArg = Annotated[
    str,
    typer.Argument(
        metavar="NAME|FILE|RUN",
        help="Name of the list, USER/REPO, a checkpoint, or a run.",
        autocompletion=complete_models,
    ),
]
NamesArg = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="NAME...",
        help="Names of the list, or USER/REPO on the Hub.",
        show_default=False,
        autocompletion=complete_models,
    ),
]
ExportedArg = Annotated[
    str,
    typer.Argument(
        metavar="NAME|FILE",
        help="Model as --model takes it: a name, a checkpoint, a run.",
        autocompletion=complete_models,
    ),
]
JsonOpt = Annotated[bool, option(REPORTING, "--json", help="Print JSON on stdout.")]
AllOpt = Annotated[
    bool, option(MODEL, "--all", help="Every colorization model that can be pulled; feature extractors by name.")
]
ToOpt = Annotated[
    Path | None, option(FILES, metavar="DIR", help="Fill a folder, to be carried to a machine without network.")
]
FromOpt = Annotated[
    Path | None,
    option(
        FILES,
        "--from",
        metavar="DIR|FILE",
        exists=True,
        help="Take the weights from such a folder, or the file itself.",
    ),
]
FormatOpt = Annotated[ExportFormat, option(FILES, "--to", help="Format of the file.")]
FileOpt = Annotated[
    Path | None, option(FILES, "--out", "-o", metavar="FILE", help="File to write.", show_default="NAME.onnx")
]
ReplaceOpt = Annotated[bool, option(FILES, "--overwrite", help="Replace a file that exists.")]


@app.command("list")
def list_models(as_json: JsonOpt = False) -> None:
    """List every model: parameters, size, license, source, and whether it is downloaded."""
    from colorize_cli.models.inventory import every_status
    from colorize_cli.models.model_facts import facts_of

    rows = every_status()
    if as_json:
        console.print_json([facts_of(row.spec.name) for row in rows])
        return
    table = Table(box=None, header_style="bold", pad_edge=False)
    for heading, side in (("name", "left"), ("parameters", "right"), ("size", "right"), ("license", "left")):
        table.add_column(heading, justify=side, no_wrap=True)  # type: ignore[arg-type]
    table.add_column("source", overflow="fold")
    table.add_column("state", no_wrap=True)
    for row in rows:
        size = f"{row.size / 1e6:.0f} MB" if row.size else ""
        millions = f"{row.spec.parameters / 1e6:.1f} M" if row.spec.parameters else ""
        table.add_row(row.spec.name, millions, size, row.spec.license, row.spec.source, row.presence.value)
    _show(table)


@app.command()
def info(name: NameArg, as_json: JsonOpt = False) -> None:
    """Say all that is known of a model."""
    from colorize_cli.models.model_facts import facts_of

    facts = facts_of(name)
    if as_json:
        console.print_json(facts)
        return
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for key, value in facts.items():
        if isinstance(value, list):
            value = "\n".join(str(item) for item in value)
        if isinstance(value, dict):
            value = ", ".join(f"{name} {inner}" for name, inner in value.items())
        table.add_row(key.replace("_", " "), "" if value is None else str(value))
    _show(table)


@app.command()
def path(name: NameArg) -> None:
    """Print where a model's weights lie."""
    from colorize_cli.models.inventory import status_of

    where = status_of(name).path
    if where is None:
        raise UsageError(f'"{name}" is not downloaded', hint=f"Pull it: colorize models pull {name}")
    typer.echo(where)


@app.command()
def pull(
    names: NamesArg = None,
    every: AllOpt = False,
    to: ToOpt = None,
    bundle: FromOpt = None,
) -> None:
    """Download models, here or into a folder; what is there already is not pulled again."""
    from colorize_cli.models.catalog import catalogue
    from colorize_cli.models.inventory import bring
    from colorize_cli.models.registry import Published

    wanted = [spec.name for spec in catalogue() if isinstance(spec.weights, Published)] if every else names or []
    if not wanted:
        raise UsageError("no model is named", hint="Name one, or --all. See them: colorize models list")
    if bundle is not None and bundle.is_file() and len(wanted) > 1:
        raise UsageError(f"--from {printable(bundle)} is one file, but {len(wanted)} models are named")
    for name in wanted:
        with Meter(name, "bytes", transient=True) as meter:
            where = bring(name, to, bundle, meter.show)
        console.stderr.print(f"{name}: {where}", markup=False)


@app.command()
def add(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name for it, of your choice.")],
    source: Annotated[str, typer.Argument(metavar="FILE|RUN|USER/REPO", help="Checkpoint, run's folder, or repo.")],
) -> None:
    """Keep a model under a name of its own, which --model then takes."""
    from colorize_cli.models.inventory import add as keep

    with Meter(name, "bytes", transient=True) as meter:
        where = keep(name, source, meter.show)
    console.stderr.print(f"{name}: {where}", markup=False)


@app.command()
def verify(names: NamesArg = None, as_json: JsonOpt = False) -> None:
    """Compare every byte of models with what was recorded or published; without names, of all that are downloaded."""
    from colorize_cli.models.inventory import State, every_status
    from colorize_cli.models.inventory import verify as verdict_on
    from colorize_cli.models.registry import Packaged

    verdicts = [
        verdict_on(name)
        for name in names or [row.spec.name for row in every_status() if not isinstance(row.spec.weights, Packaged)]
    ]
    shown = [verdict for verdict in verdicts if names or verdict.state is not State.absent]
    if as_json:
        console.print_json([asdict(verdict) for verdict in shown])
    else:
        for verdict in shown:
            console.stdout.print(f"{verdict.name}: {verdict.state.value}  {verdict.detail}", markup=False)
    if any(verdict.state is State.corrupt or (names and verdict.state is State.absent) for verdict in shown):
        raise typer.Exit(int(ExitStatus.some_failed))


@app.command()
def export(
    name: ExportedArg,
    to: FormatOpt = ExportFormat.onnx,
    out: FileOpt = None,
    overwrite: ReplaceOpt = False,
) -> None:
    """Write a model as an ONNX file that says what it is; its answers are compared with torch's."""
    from colorize_cli.color.pixels import lightness_of
    from colorize_cli.color.spaces import SRGB
    from colorize_cli.data.samples import sample_photos
    from colorize_cli.inference.export import export_onnx

    file = out or Path(f"{Path(name).name if Path(name).is_dir() else Path(name).stem}.{to.value}")
    if file.suffix.lower() != f".{to.value}":
        raise UsageError(f"--out {file} must end in .{to.value}")
    if file.exists() and not overwrite:
        raise UsageError(f"{file} is there already", hint="Name another with --out, or give --overwrite.")
    pictures = [lightness_of(rgb, SRGB) for _, rgb in sample_photos()]
    with Meter(name, "bytes", transient=True) as meter:
        done = export_onnx(name, file, pictures, meter.show)
    how = f"within {done.difference:.0e} of torch's answers on {done.pictures} photos"
    said = how if done.pictures else "not compared with torch, which is not installed"
    console.stderr.print(f"{done.path}: {done.bytes / 1e6:.1f} MB, {said}", markup=False)


@app.command()
def remove(names: NamesArg = None) -> None:
    """Delete pulled weights."""
    from colorize_cli.models.inventory import remove as delete

    if not names:
        raise UsageError("no model is named", hint="See what there is: colorize models list")
    for name in names:
        console.stderr.print(f"{name}: removed, {delete(name) / 1e6:.0f} MB freed", markup=False)


def _show(table: Table) -> None:
    """Print a table as wide as the terminal, or wide enough where there is none."""
    screen(width=None if console.stdout.is_terminal else _PIPED).print(table)
