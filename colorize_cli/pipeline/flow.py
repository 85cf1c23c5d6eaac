"""Photos between their stages, at once and in bounded memory.

decode (threads) -> network (this thread, batched) -> merge, encode (threads)

In:  sources as they come
Out: the place and the `Outcome` of each, as they end: exactly one
"""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Generator, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import replace

from colorize_cli.errors import OutOfMemoryError, PhotoError, TooSlowError, one_line, sentence
from colorize_cli.files.discover import Source
from colorize_cli.files.machine import cores
from colorize_cli.inference.detail import page_lightness, refine
from colorize_cli.inference.geometry import View
from colorize_cli.inference.large_files import Stopped
from colorize_cli.inference.predictor import NoPredictor, Plane, Predictor, Request
from colorize_cli.inference.prepared_photo import Prepared
from colorize_cli.inference.variant_outputs import predict_variants
from colorize_cli.pipeline.outcome import Outcome, Status
from colorize_cli.pipeline.processor import PhotoProcessor
from colorize_cli.pipeline.resume import Elsewhere
from colorize_cli.pipeline.run_options import RunOptions
from colorize_cli.pipeline.workers import Workers, usual_jobs

_TICK = 0.05  # seconds between looks at whether a photo's time is up, or memory is short
_MEMORY_IN_FLIGHT = 500 << 20  # bytes of pixels between decode and encode, all photos together

_LOOK_AGAIN = 0.05  # seconds between looks at what another run is making

Before = Prepared | Outcome | Elsewhere  # what comes before the network
Ended = tuple[int, Outcome]  # a source's place in the batch, and what became of it
Item = tuple[int, Prepared]


class Flow:
    """What is decoding, what waits for a batch, what is being written.

    A source that is taken from the input is in exactly one of `decoding`, `waiting`, `finishing`, `deferred` and
    `ended` until its outcome was taken from `ended`; so a run that stops anywhere knows what it had in hand. What
    another run is making is deferred, and looked at again until that run has made it or has ended; nobody waits with
    a lock.

    Args:
        options: what was asked for.
        processor: does what comes before the network and after it.
        predictor: the network.
    """

    def __init__(self, options: RunOptions, processor: PhotoProcessor, predictor: Predictor | NoPredictor) -> None:
        self.processor, self.predictor = processor, predictor
        self.detail, self.guidance, self.vividness = options.model.detail, options.guidance, options.color.vividness
        self.memory = min(options.read.max_memory or _MEMORY_IN_FLIGHT, _MEMORY_IN_FLIGHT)
        self.jobs = options.batch.jobs or usual_jobs(cores())
        self.decoding: deque[tuple[int, Source, Future[Before]]] = deque()
        self.waiting: dict[tuple[View, ...], list[Item]] = {}
        self.finishing: dict[Future[Outcome], Item] = {}
        self.ended: deque[Ended] = deque()
        self.deferred: deque[tuple[int, Source]] = deque()
        self._fruitless = 0  # looks at what is deferred since one of them found that it can go on
        self._exhausted = self._is_warm = False
        self.budget, self.timer = processor.budget, processor.timer
        self.readers, self.writers = Workers(self.jobs, "decode"), Workers(self.jobs, "encode")

    def run(self, upcoming: Iterator[tuple[int, Source]]) -> Generator[Ended, None, None]:
        """The outcome of every source, as they come.

        An outcome stays in `ended` until the next one is asked for. On an interrupt, wherever it comes, what is being
        written is finished; the outcomes of that are in `ended`, too, and the other sources have none.
        """
        readers, writers = self.readers, self.writers
        try:
            while self._busy():
                self._read_ahead(upcoming, readers)
                if self.decoding:
                    self._take()
                self._pass_through_network(writers, not self.decoding or self._full() or self.budget.is_short)
                self._collect(block=bool(self.finishing) and not self.ended and (self._full() or not self.decoding))
                while self.ended:
                    yield self.ended[0]
                    self.timer.forget(self.ended.popleft()[0])
        finally:
            self._stop(readers, writers)

    def _busy(self) -> bool:
        """Whether any source has no outcome yet: one in hand, or one that was never taken."""
        in_hand = self.decoding or self.waiting or self.finishing or self.deferred or self.ended
        return bool(in_hand or not self._exhausted)

    def _stop(self, readers: Workers, writers: Workers) -> None:
        """Finish what is being written and drop the rest; where all is done there is nothing of either."""
        if self._busy():
            self.processor.lock.stop()  # a large file would take minutes to be finished
        self.budget.stop()
        readers.drop()
        while self.finishing:
            self._collect(block=True)
        writers.shutdown()
        readers.shutdown()

    def _full(self) -> bool:
        held = [item for group in self.waiting.values() for _, item in group]
        held += [item for _, item in self.finishing.values()]
        many = len(held) >= 2 * self.jobs + 2 * self.predictor.batch
        return bool(held) and (many or sum(item.nbytes for item in held) > self.memory)

    def _read_ahead(self, upcoming: Iterator[tuple[int, Source]], readers: Workers) -> None:
        while len(self.decoding) < self.jobs and not (self.decoding and self._full()):
            item = self._next(upcoming)
            if item is None:
                return
            place, source = item
            self.decoding.append((place, source, readers.submit(self.processor.prepare, place, source)))

    def _next(self, upcoming: Iterator[tuple[int, Source]]) -> tuple[int, Source] | None:
        """The next source to read: from the input, then of those that another run was making."""
        item = None if self._exhausted else next(upcoming, None)
        if item is None:
            self._exhausted = True
            if self.deferred and self._fruitless >= len(self.deferred):
                if self.decoding or self.waiting or self.finishing:
                    return None
                time.sleep(_LOOK_AGAIN)
                self._fruitless = 0
            if self.deferred:
                item = self.deferred.popleft()
        return item

    def _take(self) -> None:
        """Move the first of what is decoding on: to its outcome, or to those that wait for the network."""
        number = self._await_reader()
        if number is None:
            return
        place, source, future = self.decoding[number]
        if future.done():
            result = settle(source, future)
        else:
            self.readers.leave_behind(future)
            future.add_done_callback(lambda _: self.budget.give_back(place))  # it may take more yet
            result = self._too_slow(place, source)
        if isinstance(result, Prepared):
            views = tuple(self.processor.view(*request.lightness.shape) for request in result.requests)
            self.waiting.setdefault(views, []).append((place, result))
        elif isinstance(result, Outcome):
            self.ended.append((place, result))
        elif result is Elsewhere.made:
            self.deferred.append((place, source))
        self._fruitless = self._fruitless + 1 if result is Elsewhere.made else 0
        del self.decoding[number]

    def _await_reader(self) -> int | None:
        """Wait for the first of what is decoding; where that waits for memory, or hangs, for what can be done then.

        Returns:
            Which one is done, or has had its time; None where those that wait for the network have to go first.
        """
        first = self.decoding[0][2]
        while not first.done():
            if self.budget.is_short:
                done = next((i for i, (_, _, future) in enumerate(self.decoding) if future.done()), None)
                if done is not None or self.waiting:
                    return done
            over = next((i for i, (place, _, _) in enumerate(self.decoding) if self.timer.is_over(place)), None)
            if over is not None:
                return over
            wait([first], timeout=_TICK)
        return 0

    def _too_slow(self, place: int, source: Source) -> Outcome:
        """The outcome of a photo whose time is up; what it holds is given back, and its thread left to itself."""
        self.budget.give_back(place)
        self.processor.outputs.release(place)
        reason = f"it took longer than --photo-timeout {self.timer.limit:g} seconds"
        return failed(source, TooSlowError(reason, path=source.path, hint="Raise the limit, or leave the photo out."))

    def _pass_through_network(self, writers: Workers, flush: bool) -> None:
        for views in list(self.waiting):
            while views in self.waiting and (flush or len(self.waiting[views]) >= self.predictor.batch):
                group, rest = self.waiting[views][: self.predictor.batch], self.waiting[views][self.predictor.batch :]
                if rest:
                    self.waiting[views] = rest
                else:
                    del self.waiting[views]
                self._color(group, writers)

    def _color(self, group: list[Item], writers: Workers) -> None:
        """Ask the network for a group; where that fails, for each photo of it alone, so that one fails and no more."""
        started = time.monotonic()
        try:
            shown, colors, variants = self._predict([item for _, item in group])
        except Exception as error:
            if len(group) > 1:
                for one in group:
                    self._color([one], writers)
            else:
                place, item = group[0]
                self.budget.give_back(place)
                self.processor.outputs.release(place)
                self.ended.append((place, failed(item.source, error)))
            return
        if self._is_warm:  # before that the network itself is made ready, which is no photo's time
            for place, _ in group:
                self.timer.add(place, (time.monotonic() - started) / len(group))
        self._is_warm = True
        start = 0
        for (place, _), item in zip(group, shown, strict=True):
            own = slice(start, start + len(item.requests))
            start = own.stop
            if self.timer.is_over(place):
                self.ended.append((place, self._too_slow(place, item.source)))
                continue
            future = writers.submit(self._finish, place, item, colors[own], variants[own])
            self.finishing[future] = place, item

    def _finish(self, place: int, item: Prepared, colors: list[Plane], variants: list[list[Plane]]) -> Outcome:
        self.timer.go(place)
        try:
            return self.processor.finish(place, item, colors, variants)
        finally:
            self.timer.stop(place)
            self.budget.give_back(place)

    def _predict(self, group: list[Prepared]) -> tuple[list[Prepared], list[Plane], list[list[Plane]]]:
        requests, variants = [r for item in group for r in item.requests], list[list[Plane]]()
        colors = self.predictor.predict(requests, self.vividness)
        if self.guidance.variants == 1 and isinstance(self.predictor, Predictor):
            group, colors = self._refined(self.predictor, group, colors)
        if self.guidance.variants > 1 and isinstance(self.predictor, Predictor):
            known = [k for item in group for k in item.known]
            variants = predict_variants(
                self.predictor, requests, colors, known, self.guidance.variants, self.guidance.seed, self.vividness
            )
        return group, colors, variants

    def _refined(
        self, predictor: Predictor, group: list[Prepared], colors: list[Plane]
    ) -> tuple[list[Prepared], list[Plane]]:
        """The colors refined where --detail says so; those that somebody guided stay as they are."""
        if self.detail.levels == 0:
            return group, colors
        found, new = iter(colors), list[Plane]()
        closer = list[Prepared]()
        for item in group:
            requests, notes = list[Request](), item.notes
            for request, known, place in zip(item.requests, item.known, item.colored_pages, strict=True):
                ab = next(found)
                if request.hints is None and known.constraint is None:
                    preview = item.previews[place]
                    at = page_lightness(preview.pixels, preview.space, request.lightness)
                    shown = preview.pixels.shape[0] * preview.pixels.shape[1]
                    refined = refine(predictor, ab, at, preview.size, self.detail, self.vividness, shown)
                    ab, request = refined.ab, replace(request, lightness=refined.lightness)
                    if refined.pictures > 1:
                        notes += (f"{refined.pictures} pictures on it, each looked at by itself",)
                requests.append(request)
                new.append(ab)
            closer.append(replace(item, requests=tuple(requests), notes=notes))
        return closer, new

    def _collect(self, block: bool) -> None:
        patience = None if self.timer.limit is None else _TICK
        while self.finishing:
            done, _ = wait(self.finishing, timeout=patience if block else 0, return_when=FIRST_COMPLETED)
            for future in done:
                place, item = self.finishing[future]
                result = settle(item.source, future)
                self.processor.outputs.release(place)
                if isinstance(result, Outcome):
                    self.ended.append((place, result))
                del self.finishing[future]
            hanging = [future for future, (place, _) in self.finishing.items() if self.timer.is_over(place)]
            for future in hanging:
                if not future.done():
                    place, item = self.finishing.pop(future)
                    self.writers.leave_behind(future)
                    self.ended.append((place, self._too_slow(place, item.source)))
            if done or hanging or not block:
                return


def settle(source: Source, future: Future[Before] | Future[Outcome]) -> Before | None:
    """A stage's result; whatever went wrong with this photo becomes its outcome, and the others go on.

    None where the batch was interrupted and the file is dropped.
    """
    try:
        return future.result()
    except Stopped:
        return None
    except Exception as error:
        return failed(source, error)


def failed(source: Source, error: Exception) -> Outcome:
    """The outcome of a photo that could not be done.

    Raises:
        Exception: the error itself where it is a fault of ours and `COLORIZE_DEBUG=1` asks for the traceback.
    """
    if isinstance(error, PhotoError | OutOfMemoryError):
        reason = one_line(error)
    elif isinstance(error, MemoryError):
        reason = "not enough memory for this photo"
    elif isinstance(error, OSError):
        reason = error.strerror or str(error)
    elif os.environ.get("COLORIZE_DEBUG") == "1":
        raise error
    else:
        reason = f"unexpected {type(error).__name__}: {sentence(one_line(error))} COLORIZE_DEBUG=1 shows where."
    return Outcome(source.path, Status.failed, reason=reason)
