"""`colorize serve`: see photos and guide their colors in the browser."""

from __future__ import annotations

import os
import sys
import webbrowser
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from colorize_cli.cli import console
from colorize_cli.cli.interrupts import interrupt_at_signals
from colorize_cli.cli.memory import bound_process
from colorize_cli.cli.options import (
    DeviceOpt,
    FormatOpt,
    ModelOpt,
    OnColorOpt,
    OutOpt,
    PrecisionOpt,
    QualityOpt,
    SalvageOpt,
    SaturationOpt,
    StripOpt,
    VividnessOpt,
    option,
)
from colorize_cli.cli.progress import load_shown
from colorize_cli.cli.quantities import parse_amount
from colorize_cli.cli.work_options import MaxMemoryOpt, MaxPixelsOpt, QuietOpt
from colorize_cli.errors import MissingPackageError, UsageError, counted, printable
from colorize_cli.inference.option_values import OnColor, OutputFormat, Precision, Strip

if TYPE_CHECKING:
    from colorize_cli.serve.listening import Listener

SERVER = "Server"


def serve(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Folder of photos.", show_default=False)],
    out: OutOpt = Path("colored"),
    host: Annotated[
        str,
        option(
            SERVER, metavar="ADDRESS", help="Address to listen at; 0.0.0.0 lets other machines in, such as a tablet."
        ),
    ] = "127.0.0.1",
    port: Annotated[int, option(SERVER, min=0, max=65535, metavar="PORT", help="Port; 0 is a free one.")] = 0,
    open_page: Annotated[bool, option(SERVER, "--open/--no-open", help="Open the page in the browser.")] = True,
    upload: Annotated[bool, option(SERVER, "--upload", help="Take photos from the page into the folder.")] = False,
    max_upload: Annotated[str, option(SERVER, metavar="SIZE", help="Largest file that --upload takes.")] = "256M",
    format: FormatOpt = OutputFormat.keep,
    quality: QualityOpt = None,
    strip: StripOpt = Strip.none,
    salvage: SalvageOpt = False,
    model: ModelOpt = "mini",
    device: DeviceOpt = "auto",
    precision: PrecisionOpt = Precision.auto,
    vividness: VividnessOpt = None,
    saturation: SaturationOpt = 1.0,
    on_color: OnColorOpt = OnColor.keep_regions,
    max_pixels: MaxPixelsOpt = "1G",
    max_memory: MaxMemoryOpt = "0",
    quiet: QuietOpt = False,
) -> None:
    r"""Show a folder of photos in the browser, to see them and to guide their colors by clicking.

    Save writes NAME.hints.json and the result into --out, as 'colorize FOLDER --hints' does. The page is reached under
    an address that only this terminal shows, from this machine alone, until Ctrl-C.

    It needs the extra serve: pip install '.\[serve]'
    """
    missing = [name for name in ("starlette", "uvicorn") if find_spec(name) is None]
    if missing:
        raise MissingPackageError("colorize serve needs packages that are not installed", package=" ".join(missing))
    if out.resolve() == folder.resolve():
        raise UsageError("results would go into the folder of photos", hint="Give another --out.")
    most = parse_amount(max_memory, "--max-memory", 1024)
    bound_process(most, device, precision)
    from colorize_cli.inference.photo_options import ReadOptions, WriteOptions
    from colorize_cli.pipeline.colorizer import Colorizer
    from colorize_cli.serve.listening import Listener
    from colorize_cli.serve.session import ServeOptions, Session

    read = ReadOptions(
        max_pixels=parse_amount(max_pixels, "--max-pixels"),
        max_memory=most,
        salvage=salvage,
    )
    options = ServeOptions(
        photos=folder,
        out=out,
        read=read,
        write=WriteOptions(format=format, quality=quality, strip=strip.value),
        uploads=upload,
        max_upload=parse_amount(max_upload, "--max-upload", 1024),
    )
    colorizer = Colorizer(
        model, device=device, precision=precision, vividness=vividness, saturation=saturation, on_color=on_color
    )
    with Listener(host, port) as listener:
        session = Session(colorizer, options, partial(load_shown, colorizer, model, quiet))
        if session.photos.films:
            shown = f"{counted(session.photos.films, 'film')} in {printable(folder)}"
            console.notice(f"The page shows photos alone, not the {shown}: colorize does those in a batch.")
        interrupt_at_signals()
        try:
            listener.serve(session, partial(_tell, listener, folder, open_page, quiet))
        except KeyboardInterrupt:
            if not quiet:
                console.stderr.print("Ended.")


def _tell(listener: Listener, folder: Path, open_page: bool, quiet: bool) -> None:
    console.stdout.print(listener.address, markup=False, highlight=False, soft_wrap=True)
    sys.stdout.flush()
    if not listener.is_local:
        console.notice("Every machine that reaches this one and knows the address can see and change the results.")
    if not quiet:
        console.stderr.print(f"{printable(folder)} is shown under this address; Ctrl-C ends it.", markup=False)
    if open_page and _has_screen():
        webbrowser.open(listener.address)


def _has_screen() -> bool:
    """Whether a browser with a window can be had; one in the terminal would take that over."""
    return os.name == "nt" or sys.platform == "darwin" or bool({"DISPLAY", "WAYLAND_DISPLAY"} & set(os.environ))
