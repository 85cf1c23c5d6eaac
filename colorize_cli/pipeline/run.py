"""The main road: many photos through decode, network, merge and encode, at once and in bounded memory.

discover -> plan names -> decode (threads) -> network (this thread, batched) -> merge, encode (threads) -> report

In:  `ColorizeJob`
Out: `RunReport`; the files
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from colorize_cli.errors import EncodeError, NothingToDoError, UsageError, counted, one_line, printable
from colorize_cli.files.destinations import Destinations
from colorize_cli.files.discover import Discovery, Source, discover, kinds_of
from colorize_cli.inference.choices import Method
from colorize_cli.inference.chosen import choose, not_here
from colorize_cli.inference.colorizer import Colorizer, Idle
from colorize_cli.inference.detail import check_tileable
from colorize_cli.inference.job import SOFTWARE, ColorizeJob
from colorize_cli.inference.scans import Lane, Part
from colorize_cli.inference.steering import Steering
from colorize_cli.inference.variants import check_names
from colorize_cli.pipeline.album import Album
from colorize_cli.pipeline.flow import Flow
from colorize_cli.pipeline.ledger import Ledger
from colorize_cli.pipeline.outcome import Outcome
from colorize_cli.pipeline.plan import PossibleSuffixes
from colorize_cli.pipeline.products import Products
from colorize_cli.pipeline.report import RunReport
from colorize_cli.pipeline.report_place import check_report_place
from colorize_cli.pipeline.task import Workshop

if TYPE_CHECKING:
    import torch

_FORMAT = re.compile(r"\.(?=.*[a-z])[a-z0-9]{2,5}", re.IGNORECASE)  # a suffix that names a format; `.2024` does not


@dataclass(frozen=True)
class Progress:
    """One step of a batch: how many photos there are, and what became of one (None at the start).

    Of a large file there are steps between, which say how far it is.
    """

    total: int
    outcome: Outcome | None = None
    part: Part | None = None


def colorize_photos(
    job: ColorizeJob,
    on_progress: Callable[[Progress], None] = lambda _: None,
    on_notice: Callable[[str], None] = lambda _: None,
    on_download: Callable[[int, int], None] | None = None,
) -> RunReport:
    """Colorize a batch of photos.

    Args:
        job: what to do.
        on_progress: called in this thread after each photo; of large files also between, in other threads.
        on_notice: told what concerns the whole batch, a line each.
        on_download: bytes done and in all, while weights are pulled.

    Returns:
        The report; its `exit_status` is the command's.

    Raises:
        UsageError: the job cannot be obeyed as typed.
        NothingToDoError: no photos, no such model, no weights.
    """
    started, report = time.monotonic(), RunReport()
    job.check_steering()
    job.check_detail()
    single = job.single_output()
    found = discover(
        job.photos,
        recursive=job.recursive,
        leave=None if single else job.out,
        is_product=Products(job),
        listed=job.listed,
    )
    report.passed_over = found.passed_over
    _check_sources(found, job, single)
    if job.report is not None:
        check_report_place(job.report)
    possible = PossibleSuffixes(found.sources, job.encode_settings())
    destinations = Destinations(found.sources, job.out, job.suffix, single, possible)
    if job.variants > 1:
        check_names(found.sources)

    def notice(text: str) -> None:
        report.notices.append(text)
        on_notice(text)

    colorizer: Colorizer | Idle = Idle()
    sizes, base, takes_hints, follows_hints = None, job.provenance(job.method.value, ""), True, False
    gpu: torch.device | None = None
    absent = not_here(job.model) if job.dry_run and job.method is Method.network else None
    if absent is not None:  # a plan downloads nothing
        notice(f"{absent.name} is not here yet: the run will download {absent.megabytes:,.0f} MB.")
        sizes, base = absent.sizes, job.provenance(absent.name, absent.sha256)
        takes_hints, follows_hints = absent.takes_hints, absent.follows_hints
    elif job.method is Method.network:
        chosen = choose(job, len(found.sources), notice, on_download)
        colorizer, model, gpu = chosen.colorizer, chosen.colorizer.model, chosen.gpu
        check_tileable(colorizer, job.detail)
        if job.variants > 1 and colorizer.palette is None:
            raise UsageError(f"model {job.model} gives one colouring only", hint="--variants needs --model mini.")
        sizes, base = model.members[0].spec.sizes, job.provenance(model.name, model.sha256)
        takes_hints = all(member.spec.takes_hints for member in model.members)
        follows_hints = all(member.spec.follows_hints for member in model.members)
        report.settings = {"device": chosen.device, "precision": chosen.precision}
    steering = Steering.of(job, base, found.sources, takes_hints, follows_hints, notice)
    lane = Lane(lambda part: on_progress(Progress(len(found.sources), part=part)))
    workshop = Workshop(job, destinations, sizes, steering, lane, gpu)
    report.settings = {
        "software": SOFTWARE,
        "model": base.model,
        "sha256": base.sha256,
        **report.settings,
        **dict(base.settings),
        **job.steering_settings(),
    }
    on_progress(Progress(len(found.sources)))
    flow, ledger = Flow(job, workshop, colorizer), Ledger(found.sources, report)
    upcoming: Iterator[tuple[int, Source]] = enumerate(found.sources)
    if job.consistent and not job.dry_run and isinstance(colorizer, Colorizer):
        upcoming = Album(workshop, colorizer, found.sources, flow.jobs, job.vividness, notice).walk()
    try:
        with closing(flow.run(upcoming)) as ended:
            for place, outcome in ended:
                if ledger.enter(place, outcome):
                    on_progress(Progress(len(found.sources), outcome))
    except KeyboardInterrupt:
        report.interrupted = True
    finally:  # whatever ended the run: the report tells what became of each photo
        try:
            for outcome in (*ledger.drain(flow.ended), *ledger.close(report.interrupted)):
                on_progress(Progress(len(found.sources), outcome))
        finally:
            workshop.outputs.close()
            if workshop.nursery is not None:
                workshop.nursery.close()
            report.seconds = time.monotonic() - started
            if others := len(workshop.outputs.by_others):
                notice(f"Another run at the same time did {counted(others, 'photo')} of these.")
            _write_report(report, job, notice)
    return report


def _check_sources(found: Discovery, job: ColorizeJob, single: Path | None) -> None:
    if not found.sources:
        left = kinds_of(found.passed_over)
        inputs = ", ".join(printable(name) for name in job.photos) or "the list"
        raise NothingToDoError(f"no photos in {inputs}" + (f" (passed over: {left})" if left else ""))
    if single is not None and len(found.sources) > 1:
        hint = f"Give a folder, e.g. --out {job.out.stem}/"
        raise UsageError(
            f"--out {printable(job.out)} is one file, but there are {counted(len(found.sources), 'photo')}", hint=hint
        )
    if single is None and not job.out.exists() and _one_file(found, job) and _FORMAT.fullmatch(job.out.suffix):
        raise UsageError(
            f"--out {printable(job.out)}: no such format: {job.out.suffix}",
            hint="Name a file like a.png, .jpg, .tif or .webp; or make that folder first, if it is to be one.",
        )
    if single is None and job.out.exists() and not job.out.is_dir():
        raise UsageError(f"--out {printable(job.out)} is a file, not a folder")


def _one_file(found: Discovery, job: ColorizeJob) -> bool:
    """Whether the user named one photo, and so may mean one file by --out."""
    return len(found.sources) == len(job.photos) == 1 and not job.listed and not Path(job.photos[0]).is_dir()


def _write_report(report: RunReport, job: ColorizeJob, notice: Callable[[str], None]) -> None:
    path = job.report_path()
    try:
        if path is not None:
            report.write(path)
    except EncodeError as error:
        notice(one_line(error))
        report.unwritten = job.report is not None
    finally:
        report.close()
