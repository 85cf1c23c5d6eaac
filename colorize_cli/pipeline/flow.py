"""Photos between their stages, at once and in bounded memory.

decode (threads) -> network (this thread, batched) -> merge, encode (threads)

In:  sources as they come
Out: an `Outcome` of each, as they end
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import replace

import cv2

from colorize_cli.errors import OutOfMemoryError, PhotoError, one_line
from colorize_cli.files.discover import Source
from colorize_cli.inference.colorizer import Colorizer, Idle, Plane, Request
from colorize_cli.inference.detail import page_lightness, refine
from colorize_cli.inference.geometry import View
from colorize_cli.inference.job import ColorizeJob
from colorize_cli.inference.opened import Prepared
from colorize_cli.inference.scans import Stopped
from colorize_cli.inference.variants import predict_variants
from colorize_cli.pipeline.outcome import Outcome, Status
from colorize_cli.pipeline.task import Workshop

_MEMORY_IN_FLIGHT = 500 << 20  # bytes of pixels between decode and encode, all photos together


class Flow:
    """What is decoding, what waits for a batch, what is being written.

    Args:
        job: what to do.
        workshop: does what comes before the network and after it.
        colorizer: the network.
    """

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
                        yield from self._take(*self.decoding.popleft())
                    flush = not self.decoding or self._full()
                    if flush or self.colorizer.ready:
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
        result = settle(source, future)
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
            result = settle(item.source, future)
            if isinstance(result, Outcome):
                yield result


def settle(source: Source, future: Future[Prepared | Outcome] | Future[Outcome]) -> Prepared | Outcome | None:
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
