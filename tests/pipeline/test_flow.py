"""Every source ends in exactly one outcome, whatever the mix, the order and the number of jobs."""

from __future__ import annotations

import shutil
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from colorize_cli.errors import DecodeError, EncodeError, ExitStatus
from colorize_cli.files.discover import Source
from colorize_cli.files.machine import resident_memory
from colorize_cli.inference.large_files import Stopped
from colorize_cli.inference.predictor import NoPredictor
from colorize_cli.inference.prepared_photo import Prepared
from colorize_cli.pipeline import work as work_module
from colorize_cli.pipeline.budget import Budget
from colorize_cli.pipeline.flow import Flow
from colorize_cli.pipeline.ledger import Ledger
from colorize_cli.pipeline.outcome import Outcome, Status
from colorize_cli.pipeline.report import RunReport
from colorize_cli.pipeline.resume import Elsewhere
from colorize_cli.pipeline.run_options import RunOptions
from colorize_cli.pipeline.workers import Timer
from tests.inference.conftest import grey_photo
from tests.runs import colorize_photos, run_options

KINDS = ("large", "small", "grey", "colored", "broken", "copied")


@dataclass(frozen=True)
class Step:
    """What becomes of a photo of the stub: where it ends, and how much memory it holds between the stages."""

    end: str
    nbytes: int
    slow: bool


STEPS = st.lists(
    st.builds(
        Step,
        st.sampled_from(["done", "copied", "undecodable", "unwritable", "fault", "network", "elsewhere"]),
        st.sampled_from([1, 40, 1000]),
        st.booleans(),
    ),
    min_size=1,
    max_size=14,
)


class StubProcessor:
    """Stages without pictures."""

    def __init__(self, steps: list[Step]) -> None:
        self.steps, self.lock, self.stopped = steps, SimpleNamespace(stop=self._stop), False
        self.outputs = SimpleNamespace(release=lambda place: None)
        self.budget, self.timer = Budget(), Timer(None)
        self.looks = Counter[int]()

    def _stop(self) -> None:
        self.stopped = True

    def view(self, height: int, width: int) -> tuple[int, int]:
        return height, width

    def prepare(self, place: int, source: Source) -> Prepared | Outcome | Elsewhere:
        step = self.steps[place]
        if step.slow:
            time.sleep(0.002)
        self.looks[place] += 1
        if step.end == "elsewhere" and self.looks[place] <= 2 + place % 3:
            return Elsewhere.made
        if step.end == "copied":
            return Outcome(source.path, Status.copied)
        if step.end == "undecodable":
            raise DecodeError("broken", path=source.path)
        lightness = np.full((2, 2 + place % 2), 100.0 if step.end == "network" else 0.0, np.float32)
        request = SimpleNamespace(lightness=lightness, hints=None)
        item: Any = StubPrepared.__new__(StubPrepared)
        item.__dict__.update(source=source, requests=(request,), known=(), held=step.nbytes, step=step)
        return item

    def finish(self, place: int, item: Any, colors: object, variants: object = ()) -> Outcome:
        if item.step.slow:
            time.sleep(0.004)
        if self.stopped and item.step.nbytes == 1000:
            raise Stopped
        if item.step.end == "unwritable":
            raise EncodeError("no room", path=item.source.path)
        if item.step.end == "fault":
            raise ZeroDivisionError("a fault")
        return Outcome(item.source.path, Status.done)


class StubPrepared(Prepared):
    """A `Prepared` of a given size."""

    @property
    def nbytes(self) -> int:
        return self.__dict__["held"]


class StubPredictor(NoPredictor):
    """Fails for a group that has a photo of lightness 100."""

    batch = 3

    def predict(self, requests: Any, vividness: float | None = None) -> list[Any]:
        if any(request.lightness.max() == 100 for request in requests):
            raise FloatingPointError("NaN")
        return [None for _ in requests]


EXPECTED = {"done": Status.done, "elsewhere": Status.done, "copied": Status.copied}


def sources(count: int) -> list[Source]:
    return [Source(Path(f"{i}.jpg"), Path(f"{i}.jpg")) for i in range(count)]


def flow_of(steps: list[Step], jobs: int, memory: int) -> Flow:
    job = run_options((".",), Path("out"), jobs=jobs, max_memory=memory)
    return Flow(job, StubProcessor(steps), StubPredictor())  # type: ignore[arg-type]


@settings(max_examples=150, deadline=None)
@given(steps=STEPS, jobs=st.integers(1, 8), memory=st.sampled_from([10, 500, 5000]))
def test_every_source_ends_in_exactly_one_outcome(steps: list[Step], jobs: int, memory: int):
    found = sources(len(steps))
    ended = list(flow_of(steps, jobs, memory).run(enumerate(found)))
    assert sorted(place for place, _ in ended) == list(range(len(steps)))
    for place, outcome in ended:
        assert outcome.source == found[place].path
        assert outcome.status is EXPECTED.get(steps[place].end, Status.failed)


def test_photos_that_need_no_network_do_not_end_a_batch_while_others_are_written():
    steps = [Step("done", 1000, True), Step("done", 1, False), *[Step("copied", 1, False)] * 6]
    assert len(list(flow_of(steps, 1, 500).run(enumerate(sources(8))))) == 8


@settings(max_examples=60, deadline=None)
@given(steps=STEPS, jobs=st.integers(1, 8), after=st.integers(0, 12), where=st.sampled_from(["input", "consumer"]))
def test_an_interrupt_anywhere_leaves_one_outcome_each(steps: list[Step], jobs: int, after: int, where: str):
    found, report = sources(len(steps)), RunReport()
    flow, ledger = flow_of(steps, jobs, 500), Ledger(found, report)

    def upcoming() -> Iterator[tuple[int, Source]]:
        for place, source in enumerate(found):
            if where == "input" and place == after:
                raise KeyboardInterrupt
            yield place, source

    ended = flow.run(upcoming())
    try:
        for count, (place, outcome) in enumerate(ended):
            if where == "consumer" and count == after:
                raise KeyboardInterrupt
            ledger.enter(place, outcome)
    except KeyboardInterrupt:
        report.interrupted = True
    ended.close()
    list(ledger.drain(flow.ended))
    list(ledger.close(report.interrupted))
    assert report.total == len(steps) and report.adds_up
    assert not flow.finishing
    if report.interrupted:
        assert report.exit_status is ExitStatus.interrupted
    else:
        assert not report.counts[Status.interrupted]
    report.close()


def test_a_run_that_loses_a_source_or_counts_one_twice_says_so_and_fails():
    found = sources(3)
    lost = RunReport()
    ledger = Ledger(found, lost)
    ledger.enter(0, Outcome(found[0].path, Status.done))
    ledger.enter(2, Outcome(found[2].path, Status.done))
    assert [outcome.source for outcome in ledger.close(False)] == [found[1].path]
    assert lost.exit_status is ExitStatus.some_failed and "1.jpg" in str(lost.summary()["faults"])
    lost.close()
    twice = RunReport()
    ledger = Ledger(found[:1], twice)
    for _ in range(2):
        ledger.enter(0, Outcome(found[0].path, Status.done))
    assert twice.exit_status is ExitStatus.some_failed and "second outcome" in str(twice.summary()["faults"])
    assert twice.total == 1
    twice.close()


def _make(kind: str, path: Path, seed: int) -> None:
    rng = np.random.default_rng(seed)
    if kind in ("large", "small", "grey"):
        grey_photo(path, {"large": (300, 220), "small": (24, 16), "grey": (90, 70)}[kind], seed)
    elif kind == "broken":
        path.write_bytes(b"\x89PNG\r\n\x1a\n" + rng.bytes(40))
    else:
        Image.fromarray(rng.integers(0, 255, (40, 30, 3), np.uint8)).save(path)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(mix=st.lists(st.sampled_from(KINDS), min_size=3, max_size=9), jobs=st.integers(1, 8))
def test_mixes_of_photos_have_one_outcome_each(tiny_model: Path, mix: list[str], jobs: int):
    with TemporaryDirectory() as folder:
        photos, out = Path(folder) / "photos", Path(folder) / "out"
        photos.mkdir()
        out.mkdir()
        for number, kind in enumerate(mix):
            path = photos / f"{number}.png"
            _make(kind, path, number)
            if kind == "copied":
                shutil.copy2(path, out / path.name)
        job = run_options(
            (str(photos),),
            out,
            str(tiny_model),
            device="cpu",
            jobs=jobs,
            stream_from=50_000,
            max_memory=resident_memory() + (1 << 28),
        )
        flow_memory = 120_000  # less than a large photo and a small one take: the flow is full at once
        report = _run_with_memory(job, flow_memory)
        expected = Counter(
            {"broken": Status.failed, "colored": Status.copied, "copied": Status.skipped}.get(kind, Status.done)
            for kind in mix
        )
        assert report.counts == expected and report.adds_up
        if len(expected) > 1:
            assert report.exit_status == (1 if "broken" in mix else 0)


def _run_with_memory(options: RunOptions, memory: int) -> RunReport:
    class SmallFlow(Flow):
        def __init__(self, *arguments: Any) -> None:
            super().__init__(*arguments)
            self.memory = memory

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(work_module, "Flow", SmallFlow)
        return colorize_photos(options)
