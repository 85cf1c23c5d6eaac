"""A run over photos with its options side by side, as tests like to write them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

from colorize_cli import Colorizer
from colorize_cli.inference.photo_options import (
    ColorOptions,
    FilmOptions,
    GuidanceOptions,
    ModelOptions,
    ReadOptions,
    WriteOptions,
)
from colorize_cli.pipeline.report import RunReport
from colorize_cli.pipeline.run import Progress
from colorize_cli.pipeline.run_options import BatchOptions, RunOptions
from colorize_cli.restore.choices import RestoreOptions

GROUPS = {
    "model": ModelOptions,
    "color": ColorOptions,
    "guidance": GuidanceOptions,
    "read": ReadOptions,
    "write": WriteOptions,
    "restore": RestoreOptions,
    "film": FilmOptions,
}


def run_options(
    photos: tuple[str, ...], out: Path = Path("colored"), model: str = "mini", device: str = "auto", **others: Any
) -> RunOptions:
    """The options in their groups; an option that no group has is an error."""
    others |= {"photos": photos, "out": out, "name": model, "device": device}
    groups = {
        name: {f.name: others.pop(f.name) for f in fields(kind) if f.name in others} for name, kind in GROUPS.items()
    }
    batch = BatchOptions(**others)
    return RunOptions(batch=batch, **{name: kind(**groups[name]) for name, kind in GROUPS.items()})


def colorize_photos(
    options: RunOptions,
    on_progress: Callable[[Progress], None] = lambda _: None,
    on_notice: Callable[[str], None] = lambda _: None,
) -> RunReport:
    """Run to the end, as the command line does."""
    model, color = options.model, options.color
    colorizer = Colorizer(
        model.name,
        device=model.device,
        precision=model.precision,
        batch=model.batch,
        vividness=color.vividness,
        saturation=color.saturation,
        on_color=color.on_color,
    )
    colorizer.model = model  # with its detail, which is no text any more
    run = colorizer.run(
        options.batch,
        guidance=options.guidance,
        read=options.read,
        write=options.write,
        restore=options.restore,
        film=options.film,
        on_progress=on_progress,
        on_notice=on_notice,
    )
    return run.finish()
