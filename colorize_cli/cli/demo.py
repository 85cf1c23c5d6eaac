"""`colorize demo`: colorize sample photos that are installed already."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from colorize_cli.cli import console
from colorize_cli.cli.options import (
    FILES,
    DeviceOpt,
    ModelOpt,
    VividnessOpt,
    option,
)
from colorize_cli.cli.progress import photo_progress
from colorize_cli.cli.threads import share_cores, wait_asleep
from colorize_cli.cli.work_options import (
    QuietOpt,
)

OutOpt = Annotated[Path, option(FILES, "--out", "-o", metavar="DIR", help="Folder for the demo's files.")]


def demo(
    out: OutOpt = Path("colorize-demo"),
    model: ModelOpt = "mini",
    device: DeviceOpt = "auto",
    vividness: VividnessOpt = None,
    quiet: QuietOpt = False,
) -> None:
    """Colorize grey copies of sample photos, to see what the program does."""
    wait_asleep()
    from colorize_cli.data.samples import write_grey_samples  # numpy loads here, not for --help
    from colorize_cli.inference.photo_options import WriteOptions
    from colorize_cli.pipeline.colorizer import Colorizer
    from colorize_cli.pipeline.run_options import BatchOptions

    grey, colored = out / "grey", out / "colored"
    write_grey_samples(grey)
    batch = BatchOptions(photos=(str(grey),), out=colored, overwrite=True)
    colorizer = Colorizer(model, device=device, vividness=vividness)
    with photo_progress("Colorizing the samples", quiet, lambda: share_cores(colorizer)) as on_progress:
        run = colorizer.run(batch, write=WriteOptions(compare=True), on_progress=on_progress, on_notice=console.notice)
        result = run.finish()
    console.show(result, str(colored), as_json=False, quiet=quiet)
    if not quiet:
        console.stderr.print(f"Look at the pairs, before and after: {colored}/*.compare.jpg", markup=False)
    raise typer.Exit(result.exit_status)
