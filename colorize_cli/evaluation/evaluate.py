"""The road of `colorize eval`: read the truths, let every candidate color their lightness, measure, conclude.

In:  `EvaluateJob`
Out: `Evaluation`; and with a folder to write to: report.json, report.csv, report.html
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from colorize_cli.evaluation.eval_settings import EvaluateJob as EvaluateJob
from colorize_cli.evaluation.reading import Read, nothing_measured, read_by_protocol, references_of, tell_resized
from colorize_cli.evaluation.result import Evaluation, conclude
from colorize_cli.evaluation.row_names import name_models
from colorize_cli.formats.ahead import ahead
from colorize_cli.inference.devices import has_torch

if TYPE_CHECKING:
    import torch

    from colorize_cli.evaluation.methods import Candidate, Prepared
    from colorize_cli.evaluation.metric_set import Judges, Measured

BATCH = 2  # pictures that are measured together, at least: few, so that they stay in the processor's cache
_READERS = 4  # threads that decode


def evaluate(
    job: EvaluateJob,
    on_picture: Callable[[int, int], None] = lambda done, total: None,
    on_notice: Callable[[str], None] = lambda line: None,
) -> Evaluation:
    """Measure.

    Args:
        job: what to measure.
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

        return evaluate_plainly(job, on_picture, on_notice)
    from colorize_cli.evaluation.methods import FilesCandidate, GreyCandidate, ModelCandidate, TruthCandidate
    from colorize_cli.evaluation.metric_set import find_judges
    from colorize_cli.inference.devices import pick_device, side_by_side

    started = time.monotonic()
    device = pick_device(job.device)
    judges = find_judges(job, device)  # what is missing is said here, before any work
    references, alone, folders = references_of(job)
    root = Path(job.ref or job.data).expanduser()
    judges.name_classes([reference.label for reference in references], root, job.skip_missing)
    candidates: list[Candidate] = [GreyCandidate(), *(FilesCandidate(name) for name in folders)]
    for name, model in name_models(job.models).items():
        candidates.append(ModelCandidate(model, name, device, job.vividness, job.batch, on_notice))
    candidates.append(TruthCandidate())
    judges.begin([candidate.name for candidate in candidates], keep_pictures=job.gallery)

    failed: list[tuple[str, str]] = []
    dropped, resized = list[str](), list[str]()
    total, done = len(references), 0
    size = max(BATCH, *(candidate.batch for candidate in candidates))
    with side_by_side(device) as workers, ThreadPoolExecutor(_READERS) as readers:
        many = 2 * workers.count * size
        reads = ahead(readers, lambda reference: read_by_protocol(reference, job.protocol), references, many)

        def work(batch: list[Read]) -> tuple[list[Read], Measured | None]:
            return batch, _measure(batch, judges, candidates, device)

        for batch, measured in ahead(workers.pool, work, _batches(reads, size), workers.count + 1):
            failed += [(read.reference.name, read.error) for read in batch if read.error]
            dropped += [read.reference.name for read in batch if read.grey]
            resized += [file for read in batch for file in read.resized]
            if measured is not None:
                judges.add(measured)
            done += len(batch)
            on_picture(done, total)
    if not judges.names:
        raise nothing_measured(job, failed, dropped)
    tell_resized(resized, on_notice)
    return conclude(job, candidates, judges, failed, dropped, alone, time.monotonic() - started)


def _measure(
    batch: Sequence[Read], judges: Judges, candidates: Sequence[Candidate], device: torch.device
) -> Measured | None:
    """All that is done with a batch: color it, join, measure; None where nothing could be read."""
    kept = [read for read in batch if read.truth is not None]
    if not kept:
        return None
    prepared = _prepare(kept, judges, device)
    return judges.measure(prepared, ((one.name, one.pictures(prepared, one.colors(prepared))) for one in candidates))


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


def _prepare(reads: Sequence[Read], judges: Judges, device: torch.device) -> Prepared:
    from colorize_cli.evaluation.methods import Prepared
    from colorize_cli.evaluation.metrics import Pictures
    from colorize_cli.evaluation.protocol import stack

    truths = [read.truth for read in reads if read.truth is not None]
    labels = [judges.classes(read.reference.label) for read in reads]
    files = {row: [np.asarray(read.files[row]) for read in reads] for row in reads[0].files}
    names = tuple(read.reference.name for read in reads)
    return Prepared(names, tuple(truths), Pictures(stack(truths).to(device), labels), files)
