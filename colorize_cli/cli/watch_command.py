"""`colorize watch`: color what comes into a folder."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from colorize_cli.cli import console
from colorize_cli.cli.interrupts import interrupt_at_signals
from colorize_cli.cli.memory import bound_process
from colorize_cli.cli.options import (
    FILES,
    DeviceOpt,
    FormatOpt,
    ModelOpt,
    OnColorOpt,
    OutOpt,
    PrecisionOpt,
    QualityOpt,
    RecursiveOpt,
    SalvageOpt,
    SaturationOpt,
    SidecarsOpt,
    StripOpt,
    SuffixOpt,
    VividnessOpt,
    option,
)
from colorize_cli.cli.progress import load_shown
from colorize_cli.cli.quantities import parse_amount
from colorize_cli.cli.threads import share_cores
from colorize_cli.cli.work_options import JobsOpt, MaxMemoryOpt, MaxPixelsOpt, PhotoTimeoutOpt, QuietOpt, VerifyOpt
from colorize_cli.errors import ExitStatus, printable
from colorize_cli.inference.option_values import OnColor, OutputFormat, Precision, Sidecars, Strip


def watch(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Folder to watch.", show_default=False)],
    out: OutOpt = Path("colored"),
    settle: Annotated[
        float,
        option(
            FILES,
            min=0.1,
            metavar="SECONDS",
            help="Time for which a file's size and time must not change before it is taken.",
        ),
    ] = 2.0,
    format: FormatOpt = OutputFormat.keep,
    quality: QualityOpt = None,
    suffix: SuffixOpt = "",
    recursive: RecursiveOpt = True,
    strip: StripOpt = Strip.none,
    sidecars: SidecarsOpt = Sidecars.copy,
    salvage: SalvageOpt = False,
    model: ModelOpt = "mini",
    device: DeviceOpt = "auto",
    precision: PrecisionOpt = Precision.auto,
    vividness: VividnessOpt = None,
    saturation: SaturationOpt = 1.0,
    on_color: OnColorOpt = OnColor.keep_regions,
    max_pixels: MaxPixelsOpt = "1G",
    jobs: JobsOpt = 0,
    max_memory: MaxMemoryOpt = "0",
    photo_timeout: PhotoTimeoutOpt = None,
    verify: VerifyOpt = False,
    quiet: QuietOpt = False,
) -> None:
    r"""Color the photos in a folder, and those that come, until Ctrl-C or SIGTERM.

    A file is taken when its size and time have been the same for --settle seconds. One that is replaced is done anew,
    the result of one that is renamed is renamed; the result of one that is deleted stays. Started again, it does what
    it missed. What it did is in colorize-report.watch.jsonl under --out.

    It needs the extra watch: pip install '.\[watch]'
    """
    most = parse_amount(max_memory, "--max-memory", 1024)
    bound_process(most, device, precision)
    from colorize_cli.inference.photo_options import ReadOptions, WriteOptions
    from colorize_cli.pipeline.colorizer import Colorizer
    from colorize_cli.pipeline.outcome import Outcome, Status
    from colorize_cli.pipeline.run_options import BatchOptions
    from colorize_cli.pipeline.watching import FolderWatch

    colorizer = Colorizer(
        model, device=device, precision=precision, vividness=vividness, saturation=saturation, on_color=on_color
    )
    start = partial(
        colorizer.run,
        read=ReadOptions(max_pixels=parse_amount(max_pixels, "--max-pixels"), max_memory=most, salvage=salvage),
        write=WriteOptions(format=format, quality=quality, strip=strip.value, verify=verify),
        on_notice=console.notice,
    )

    def tell(outcome: Outcome) -> None:
        if outcome.status is Status.failed:
            said = f"{escape(printable(outcome.source))}: {escape(outcome.reason or '')}"
            console.stderr.print(f"[red]failed[/red] {said}")
        elif outcome.status is not Status.skipped and not quiet:
            result = "" if outcome.output is None else f" -> {printable(outcome.output)}"
            console.stderr.print(f"{outcome.status}: {printable(outcome.source)}{result}", markup=False)

    batch = BatchOptions(
        photos=(str(folder),),
        recursive=recursive,
        out=out,
        suffix=suffix,
        sidecars=sidecars,
        jobs=jobs,
        photo_timeout=photo_timeout,
    )
    watched = FolderWatch(batch, start, settle, tell, console.notice)
    load_shown(colorizer, model, quiet)
    share_cores(colorizer)
    interrupt_at_signals()
    if not quiet:
        console.stderr.print(f"Watching {printable(folder)}; Ctrl-C ends it.", markup=False)
    try:
        watched.run()
    except KeyboardInterrupt:
        if not quiet:
            console.stderr.print("Ended. Started again, it does what it missed.")
    raise typer.Exit(ExitStatus.some_failed if watched.failed else ExitStatus.done)
