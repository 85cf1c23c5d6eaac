"""The pipeline of `colorize eval`: read the truths, let every method color their lightness, measure, conclude.

In:  `EvalSettings`
Out: `Evaluation`; and with a folder to write to: report.json, report.csv, report.html
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from colorize_cli.evaluation.eval_settings import EvalSettings as EvalSettings
from colorize_cli.evaluation.reading import (
    Read,
    check_places,
    nothing_measured,
    read_by_protocol,
    references_of,
    tell_resized,
)
from colorize_cli.evaluation.result import Evaluation, conclude
from colorize_cli.evaluation.row_names import name_models
from colorize_cli.formats.ahead import ahead
from colorize_cli.inference.devices import has_torch

if TYPE_CHECKING:
    import torch

    from colorize_cli.evaluation.methods import Method, Prepared
    from colorize_cli.evaluation.metric_set import Measured, MetricSet

BATCH = 2  # pictures that are measured together, at least: few, so that they stay in the processor's cache
_READERS = 4  # threads that decode


def evaluate(
    wanted: EvalSettings,
    on_picture: Callable[[int, int], None] = lambda done, total: None,
    on_notice: Callable[[str], None] = lambda line: None,
) -> Evaluation:
    """Measure.

    Args:
        wanted: what to measure.
        on_picture: told (pictures done, pictures in all).
        on_notice: told, in one line, what the user should know before the end.

    Raises:
        UsageError: a metric's name is wrong, options contradict each other, or terms are not accepted.
        DataError: no pictures, no pairs, or only grey ones.
        DownloadError: a known data set cannot be brought.
        WeightsError, ModelNotFoundError: a model, or what a metric needs, is not there.
    """
    if not has_torch():
        from colorize_cli.evaluation.numpy_metrics import evaluate_plainly

        return evaluate_plainly(wanted, on_picture, on_notice)
    from colorize_cli.evaluation.methods import FilesMethod, GreyMethod, ModelMethod, TruthMethod
    from colorize_cli.evaluation.metric_set import find_metrics
    from colorize_cli.inference.devices import pick_device, side_by_side
    from colorize_cli.models.load import check_name

    started = time.monotonic()
    check_places(wanted)
    for model in name_models(wanted.models).values():
        check_name(model)
    device = pick_device(wanted.device)
    metrics = find_metrics(wanted, device)  # what is missing is said here, before any work
    references, alone, folders = references_of(wanted)
    root = Path(wanted.ref or wanted.data).expanduser()
    metrics.name_classes([reference.label for reference in references], root, wanted.skip_missing)
    methods: list[Method] = [GreyMethod(), *(FilesMethod(name) for name in folders)]
    for name, model in name_models(wanted.models).items():
        methods.append(ModelMethod(model, name, device, wanted.vividness, wanted.batch, on_notice))
    methods.append(TruthMethod())
    metrics.begin([method.name for method in methods], keep_pictures=wanted.gallery)

    failed: list[tuple[str, str]] = []
    dropped, resized = list[str](), list[str]()
    total, done = len(references), 0
    size = max(BATCH, *(method.batch for method in methods))
    with side_by_side(device) as workers, ThreadPoolExecutor(_READERS) as readers:
        many = 2 * workers.count * size
        reads = ahead(readers, lambda reference: read_by_protocol(reference, wanted.protocol), references, many)

        def work(batch: list[Read]) -> tuple[list[Read], Measured | None]:
            return batch, _measure(batch, metrics, methods, device)

        for batch, measured in ahead(workers.pool, work, _batches(reads, size), workers.count + 1):
            failed += [(read.reference.name, read.error) for read in batch if read.error]
            dropped += [read.reference.name for read in batch if read.grey]
            resized += [file for read in batch for file in read.resized]
            if measured is not None:
                metrics.add(measured)
            done += len(batch)
            on_picture(done, total)
    if not metrics.names:
        raise nothing_measured(wanted, failed, dropped)
    tell_resized(resized, on_notice)
    return conclude(wanted, methods, metrics, failed, dropped, alone, time.monotonic() - started)


def _measure(
    batch: Sequence[Read], metrics: MetricSet, methods: Sequence[Method], device: torch.device
) -> Measured | None:
    """All that is done with a batch: color it, join, measure; None where nothing could be read."""
    kept = [read for read in batch if read.truth is not None]
    if not kept:
        return None
    prepared = _prepare(kept, metrics, device)
    return metrics.measure(prepared, ((one.name, one.pictures(prepared, one.colors(prepared))) for one in methods))


def _batches(reads: Iterable[Read], size: int) -> Iterator[list[Read]]:
    """Runs of pictures of one shape, at most `size` long; what could not be read goes along."""
    batch: list[Read] = []
    shape: tuple[int, ...] | None = None
    for read in reads:
        own = None if read.truth is None else read.truth.shape
        if len(batch) >= size or (own is not None and shape is not None and own != shape):
            yield batch
            batch, shape = [], None
        batch.append(read)
        shape = own if own is not None else shape
    if batch:
        yield batch


def _prepare(reads: Sequence[Read], metrics: MetricSet, device: torch.device) -> Prepared:
    from colorize_cli.evaluation.methods import Prepared
    from colorize_cli.evaluation.metrics import Pictures
    from colorize_cli.evaluation.protocol import stack

    truths = [read.truth for read in reads if read.truth is not None]
    labels = [metrics.classes(read.reference.label) for read in reads]
    files = {row: [np.asarray(read.files[row]) for read in reads] for row in reads[0].files}
    names = tuple(read.reference.name for read in reads)
    return Prepared(names, tuple(truths), Pictures(stack(truths).to(device), labels), files)
