"""The main road: many photos through decode, network, merge and encode, at once and in bounded memory.

discover -> plan names -> decode (threads) -> network (this thread, batched) -> merge, encode (threads) -> report

In:  `ColorizeJob`
Out: `RunReport`; the files
"""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import torch

from colorize_cli.errors import EncodeError, NothingToDoError, OutOfMemoryError, PhotoError, UsageError
from colorize_cli.inference.album import Album
from colorize_cli.inference.choices import Method
from colorize_cli.inference.colorizer import Colorizer, Idle, Plane, Request
from colorize_cli.inference.detail import check_tileable, page_lightness, refine
from colorize_cli.inference.devices import cpu_threads, pick_device, pick_dtype
from colorize_cli.inference.geometry import View
from colorize_cli.inference.job import SOFTWARE, ColorizeJob
from colorize_cli.inference.opened import Prepared
from colorize_cli.inference.scans import Lane, Part, Stopped
from colorize_cli.inference.steering import Steering
from colorize_cli.inference.task import Workshop
from colorize_cli.inference.variants import check_names, is_variant, predict_variants
from colorize_cli.models.load import load_model
from colorize_cli.photos.destinations import Destinations
from colorize_cli.photos.discover import Discovery, Source, discover
from colorize_cli.photos.encode import read_provenance
from colorize_cli.report import Outcome, RunReport, Status, one_line, printable

REPORT_NAME = "colorize-report.json"
_MEMORY_IN_FLIGHT = 500 << 20  # bytes of pixels between decode and encode, all photos together


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
        is_product=lambda path: _may_be_ours(path, job.suffix) and _is_ours(path),
    )
    report.passed_over = found.passed_over
    _check_sources(found, job, single)
    destinations = Destinations(found.sources, job.out, job.suffix, single)
    if job.variants > 1:
        check_names(found.sources)

    def notice(text: str) -> None:
        report.notices.append(text)
        on_notice(text)

    colorizer: Colorizer | Idle = Idle()
    sizes, base, takes_hints = None, job.provenance(job.method.value, ""), True
    gpu: torch.device | None = None
    if job.method is Method.network:
        device = pick_device(job.device)
        dtype = pick_dtype(job.precision, device)
        gpu = device if device.type == "cuda" else None
        model = load_model(job.model, on_download)
        colorizer = Colorizer(model, device, dtype, job.batch or None, notice)
        if device.type == "cpu":
            torch.set_num_threads(cpu_threads(model.spec.parameters))
        check_tileable(colorizer, job.detail)
        if job.variants > 1 and colorizer.palette is None:
            raise UsageError(f"model {job.model} gives one colouring only", hint="--variants needs --model mini.")
        sizes, base = model.members[0].spec.sizes, job.provenance(model.name, model.sha256)
        takes_hints = all(member.spec.takes_hints for member in model.members)
        report.settings = {"device": str(device), "precision": str(dtype).removeprefix("torch.")}
    steering = Steering.of(job, base, found.sources, takes_hints, notice)
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
    try:
        flow = _Flow(job, workshop, colorizer)
        upcoming: Iterator[tuple[int, Source]] = enumerate(found.sources)
        if job.consistent and not job.dry_run and isinstance(colorizer, Colorizer):
            upcoming = Album(workshop, colorizer, found.sources, flow.jobs, job.vividness, notice).walk()
        for outcome in flow.run(upcoming):
            report.add(outcome)
            on_progress(Progress(len(found.sources), outcome))
    except KeyboardInterrupt:
        report.interrupted = True
    report.seconds = time.monotonic() - started
    _write_report(report, job, single)
    return report


def _check_sources(found: Discovery, job: ColorizeJob, single: Path | None) -> None:
    if not found.sources:
        left = ", ".join(f"{count} {kind}" for kind, count in sorted(found.passed_over.items()))
        inputs = ", ".join(printable(name) for name in job.photos)
        raise NothingToDoError(f"no photos in {inputs}" + (f" (passed over: {left})" if left else ""))
    if single is not None and len(found.sources) > 1:
        hint = f"Give a folder, e.g. --out {job.out.stem}/"
        raise UsageError(
            f"--out {printable(job.out)} is one file, but there are {len(found.sources)} photos", hint=hint
        )
    if single is None and job.out.exists() and not job.out.is_dir():
        raise UsageError(f"--out {printable(job.out)} is a file, not a folder")


def _may_be_ours(path: Path, suffix: str) -> bool:
    """Whether a file's name is one that results have beside their sources."""
    return is_variant(path) or (bool(suffix) and path.stem.endswith(suffix))


def _is_ours(path: Path) -> bool:
    try:
        return read_provenance(path) is not None
    except PhotoError:
        return False


def _write_report(report: RunReport, job: ColorizeJob, single: Path | None) -> None:
    path = job.report or (None if single or job.dry_run else job.out / REPORT_NAME)
    try:
        if path is not None:
            report.write(path)
    except EncodeError as error:
        if job.report is not None:
            raise
        report.notices.append(one_line(error))
    finally:
        report.close()


class _Flow:
    """Photos between their stages: what is decoding, what waits for a batch, what is being written."""

    def __init__(self, job: ColorizeJob, workshop: Workshop, colorizer: Colorizer | Idle) -> None:
        self.job, self.workshop, self.colorizer = job, workshop, colorizer
        self.memory = job.max_memory or _MEMORY_IN_FLIGHT
        self.jobs = job.jobs or max(2, min(16, os.cpu_count() or 2))
        self.decoding: deque[tuple[Source, Future[Prepared | Outcome]]] = deque()
        self.waiting: dict[tuple[View, ...], list[Prepared]] = {}
        self.finishing: dict[Future[Outcome], Prepared] = {}
        cv2.setNumThreads(1)  # the photos themselves keep the cores busy

    def run(self, upcoming: Iterator[tuple[int, Source]]) -> Iterator[Outcome]:
        """Outcomes as they come; on an interrupt what is being written is finished, the rest dropped."""
        with ThreadPoolExecutor(self.jobs, "decode") as readers, ThreadPoolExecutor(self.jobs, "encode") as writers:
            try:
                while True:
                    self._read_ahead(upcoming, readers)
                    if self.decoding:
                        source, future = self.decoding.popleft()
                        yield from self._take(source, future)
                    flush = not self.decoding or self._full()
                    yield from self._pass_through_network(writers, flush)
                    yield from self._collect(block=self._full() or not self.decoding)
                    if not (self.decoding or self.waiting or self.finishing):
                        return
            except KeyboardInterrupt:
                self.workshop.lane.stop()  # a large file would take minutes to be finished
                readers.shutdown(wait=False, cancel_futures=True)
                while self.finishing:
                    yield from self._collect(block=True)
                raise

    def _full(self) -> bool:
        held = [item for group in self.waiting.values() for item in group] + list(self.finishing.values())
        many = len(held) >= 2 * self.jobs + 2 * self.colorizer.batch
        return bool(held) and (many or sum(item.nbytes for item in held) > self.memory)

    def _read_ahead(self, upcoming: Iterator[tuple[int, Source]], readers: ThreadPoolExecutor) -> None:
        while len(self.decoding) < self.jobs and not (self.decoding and self._full()):
            item = next(upcoming, None)
            if item is None:
                return
            index, source = item
            self.decoding.append((source, readers.submit(self.workshop.prepare, index, source)))

    def _take(self, source: Source, future: Future[Prepared | Outcome]) -> Iterator[Outcome]:
        result = _settle(source, future)
        if isinstance(result, Outcome):
            yield result
        elif result is not None:
            views = tuple(self.workshop.view(*request.lightness.shape) for request in result.requests)
            self.waiting.setdefault(views, []).append(result)

    def _pass_through_network(self, writers: ThreadPoolExecutor, flush: bool) -> Iterator[Outcome]:
        for views in list(self.waiting):
            while views in self.waiting and (flush or len(self.waiting[views]) >= self.colorizer.batch):
                group, rest = self.waiting[views][: self.colorizer.batch], self.waiting[views][self.colorizer.batch :]
                if rest:
                    self.waiting[views] = rest
                else:
                    del self.waiting[views]
                yield from self._colour(group, writers)

    def _colour(self, group: list[Prepared], writers: ThreadPoolExecutor) -> Iterator[Outcome]:
        requests, variants = [r for item in group for r in item.requests], list[list[Plane]]()
        try:
            colours = self.colorizer.predict(requests, self.job.vividness)
            if self.job.variants == 1 and isinstance(self.colorizer, Colorizer):
                group, colours = self._looked_at_closely(self.colorizer, group, colours)
            if self.job.variants > 1 and isinstance(self.colorizer, Colorizer):
                known = [k for item in group for k in item.known]
                variants = predict_variants(
                    self.colorizer, requests, colours, known, self.job.variants, self.job.seed, self.job.vividness
                )
        except OutOfMemoryError as error:
            for item in group:
                yield Outcome(item.source.path, Status.failed, reason=one_line(error))
            return
        start = 0
        for item in group:
            own = slice(start, start + len(item.requests))
            start = own.stop
            future = writers.submit(self.workshop.finish, item, colours[own], variants[own])
            self.finishing[future] = item

    def _looked_at_closely(
        self, colorizer: Colorizer, group: list[Prepared], colours: list[Plane]
    ) -> tuple[list[Prepared], list[Plane]]:
        """The colours refined where --detail says so; those that somebody steered stay as they are."""
        if self.job.detail.levels == 0:
            return group, colours
        found, new = iter(colours), list[Plane]()
        closer = list[Prepared]()
        for item in group:
            requests, notes = list[Request](), item.notes
            for request, place in zip(item.requests, item.colored_pages, strict=True):
                ab = next(found)
                if request.hints is None:
                    sight = item.sights[place]
                    at = page_lightness(sight.pixels, sight.space, request.lightness)
                    shown = sight.pixels.shape[0] * sight.pixels.shape[1]
                    refined = refine(colorizer, ab, at, sight.size, self.job.detail, self.job.vividness, shown)
                    ab, request = refined.ab, replace(request, lightness=refined.lightness)
                    if refined.pictures > 1:
                        notes += (f"{refined.pictures} pictures on it, each looked at by itself",)
                requests.append(request)
                new.append(ab)
            closer.append(replace(item, requests=tuple(requests), notes=notes))
        return closer, new

    def _collect(self, block: bool) -> Iterator[Outcome]:
        if not self.finishing:
            return
        done, _ = wait(self.finishing, timeout=None if block else 0, return_when=FIRST_COMPLETED)
        for future in done:
            item = self.finishing.pop(future)
            result = _settle(item.source, future)
            if isinstance(result, Outcome):
                yield result


def _settle(source: Source, future: Future[Prepared | Outcome] | Future[Outcome]) -> Prepared | Outcome | None:
    """A stage's result; whatever went wrong with this photo becomes its outcome, and the others go on.

    None where the batch was interrupted and the file is dropped.
    """
    try:
        return future.result()
    except Stopped:
        return None
    except PhotoError as error:
        return Outcome(source.path, Status.failed, reason=one_line(error))
    except MemoryError:
        return Outcome(source.path, Status.failed, reason="not enough memory for this photo")
    except OSError as error:
        return Outcome(source.path, Status.failed, reason=error.strerror or str(error))
    except Exception as error:  # a fault of ours must not stop the others either
        if os.environ.get("COLORIZE_DEBUG") == "1":
            raise
        reason = f"unexpected {type(error).__name__}: {one_line(error)}; COLORIZE_DEBUG=1 shows where"
        return Outcome(source.path, Status.failed, reason=reason)
