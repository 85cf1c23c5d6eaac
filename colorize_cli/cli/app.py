"""The program `colorize`: its commands, and one place where errors become messages and exit statuses."""

from __future__ import annotations

import copy
import sys
from collections.abc import Sequence
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from colorize_cli.cli import console, data, models, report_commands
from colorize_cli.cli.colorize import colorize
from colorize_cli.cli.completion import rewrite_line
from colorize_cli.cli.demo import demo
from colorize_cli.cli.eval_command import evaluate
from colorize_cli.cli.flags import fold_narrow_columns, hide_types_of_flags
from colorize_cli.cli.interrupts import keep_status
from colorize_cli.cli.memory import (
    check_address_space,
    collect_from_now_on,
    end_at_once,
    is_lack_of_memory,
    lack_of_memory,
)
from colorize_cli.cli.screen import name_libraries
from colorize_cli.cli.serve_command import serve
from colorize_cli.cli.streams import make_unfailing, not_written
from colorize_cli.cli.train import train
from colorize_cli.cli.usage import COMMANDS, usage_error
from colorize_cli.cli.watch_command import watch
from colorize_cli.errors import ColorizeError, ExitStatus, missing_package, one_line
from colorize_cli.version import __version__

_EPILOG = """Examples:

  colorize photos/ --out colored/

  colorize grandma.jpg --out grandma-color.png

  colorize scans/ --out colored/ --vividness 0.2 --format tif

The options above are those of 'colorize PHOTOS', which is short for 'colorize colorize PHOTOS'.

A folder that is named like a command is reached as ./train. Where two photos would get one name, each gets its old
suffix or a hash of its own path added: a.jpg.png, a~1f2e3d4c.png.

To complete options, models, recipes and metrics by Tab: colorize --install-completion"""


class WithDefaultCommand(TyperGroup):
    """The program's commands; its help shows the options of the default one as well."""

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Show arguments and options of `colorize`, then the commands."""
        shown = copy.copy(self)
        shown.params = [*self.commands["colorize"].params, *self.params]
        super(WithDefaultCommand, shown).format_help(ctx, formatter)

    def format_usage(self, ctx: Any, formatter: Any) -> None:
        """Both ways to call it."""
        formatter.write_usage("colorize", "[OPTIONS] PHOTOS...")
        formatter.write_usage("colorize", "COMMAND [ARGS]...", prefix="       ")


hide_types_of_flags()
fold_narrow_columns()
app = typer.Typer(
    name="colorize",
    cls=WithDefaultCommand,
    help="Restore the color of black-and-white photos, a folder at a time; train and measure the models behind it.",
    epilog=_EPILOG,
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"colorize-cli {__version__}")
        raise typer.Exit


@app.callback()
def _main(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    pass


app.command("colorize")(colorize)
app.command("demo")(demo)
app.command("watch")(watch)
app.command("serve")(serve)
app.command("train")(train)
app.command("eval")(evaluate)
app.add_typer(models.app, name="models")
app.add_typer(data.app, name="data")
app.add_typer(report_commands.app, name="report")

_WRITES_FILES = (["colorize"], ["demo"], ["watch"], ["train"])  # what they print is not their work
_LISTS = frozenset({"--metrics", "--model", "--pred", "--human-results"})  # of eval: may be followed by several values


def with_default_command(arguments: Sequence[str]) -> list[str]:
    """Put the default command in front where the first word is no command."""
    first = arguments[0] if arguments else ""
    if (
        not arguments
        or first in COMMANDS
        or first in ("--help", "-h", "--version", "--install-completion", "--show-completion")
    ):
        return list(arguments)
    return ["colorize", *arguments]


def with_joined_lists(arguments: Sequence[str]) -> list[str]:
    """`eval --metrics psnr ssim` as `eval --metrics psnr --metrics ssim`, which is what the parser knows."""
    if not arguments or arguments[0] != "eval":
        return list(arguments)
    joined: list[str] = []
    option: str | None = None
    for argument in arguments:
        if argument.startswith("-"):
            option = argument if argument in _LISTS else None
            joined.append(argument)
        elif option is not None and joined[-1] != option:
            joined += [option, argument]
        else:
            joined.append(argument)
    return joined


def as_parsed(arguments: Sequence[str]) -> list[str]:
    """A command line as the parser knows it."""
    return with_joined_lists(with_default_command(arguments))


_ASKS_ONLY = frozenset({"--help", "-h", "--version"})


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command line; returns (and, as a program, exits with) its status."""
    typed = list(sys.argv[1:] if arguments is None else arguments)
    if arguments is None:
        make_unfailing()
        if not console.debugging():
            name_libraries(console.stderr)
        rewrite_line(as_parsed)
    status = _run(as_parsed(typed))
    if arguments is not None:
        return status
    if (lost := not_written()) is not None:
        console.error(ColorizeError(f"stdout did not take all of what was asked for: {lost}"))
        status = status or (0 if with_default_command(typed)[:1] in _WRITES_FILES else int(ExitStatus.some_failed))
    keep_status(status)
    end_at_once()
    sys.exit(status)


def _run(arguments: list[str]) -> int:
    """Run a command; what goes wrong becomes a message and a status."""
    try:
        if not _ASKS_ONLY.intersection(arguments):
            check_address_space()
        if arguments[:1] != ["colorize"]:  # which says itself when its libraries are there
            collect_from_now_on()
        return int(app(arguments, prog_name="colorize", standalone_mode=False) or 0)
    except ColorizeError as problem:
        if console.debugging():
            raise
        console.error(problem)
        return int(problem.exit_status)
    except (KeyboardInterrupt, typer.Abort):
        console.begin_anew()
        console.stderr.print("Interrupted.")
        return int(ExitStatus.interrupted)
    except Exception as problem:
        usage = usage_error(problem)
        if usage is not None:
            if usage.message.strip():  # where nothing was typed, the help was shown, which says it all
                console.error(usage)
            return int(usage.exit_status)
        if is_lack_of_memory(problem) and not console.debugging():
            console.error(lack_of_memory())
            return int(ExitStatus.nothing_done)
        if console.debugging():
            raise
        if isinstance(problem, ModuleNotFoundError):
            missing = missing_package(problem, f"colorize {arguments[0]}")
            if missing is not None:
                console.error(missing)
                return int(missing.exit_status)
        what = f"unexpected {type(problem).__name__}: {one_line(problem)}"
        console.error(ColorizeError(what, hint="COLORIZE_DEBUG=1 shows where."))
        return int(ExitStatus.some_failed)
