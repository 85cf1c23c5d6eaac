"""The references of an evaluation: which they are, and their pixels by the protocol.

In:  `EvalSettings`
Out: references; each read, or why it is not
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np

from colorize_cli.data.srgb_photo import Rgb
from colorize_cli.errors import DataError, PhotoError, UsageError, counted
from colorize_cli.evaluation.eval_settings import EvalSettings as EvalSettings
from colorize_cli.evaluation.protocol import SMALLEST, Protocol, is_grey, prepare
from colorize_cli.evaluation.row_names import name_folders, name_models
from colorize_cli.evaluation.truths import Reference, check_data, draw, find_references, pair_files, read_picture


@dataclass(frozen=True)
class Read:
    """One reference, read: its pixels by the protocol, or why there are none."""

    reference: Reference
    truth: Rgb | None = None
    files: dict[str, Rgb] = field(default_factory=dict)
    grey: bool = False
    error: str | None = None
    resized: tuple[str, ...] = ()


def check_places(wanted: EvalSettings) -> None:
    """Refuse folders and data sets that are not there, before anything is downloaded to measure them by.

    Raises:
        DataError: one is not there.
    """
    if not wanted.pred and wanted.ref is None:
        check_data(wanted.data)
    if wanted.ref is not None and not wanted.ref.expanduser().exists():
        raise DataError(f"no folder {wanted.ref}", hint="Give --ref the folder of true photos.")
    for folder in wanted.pred:
        if not folder.expanduser().exists():
            raise DataError(f"no folder {folder}", hint="Give --pred the folder of colored files.")


def references_of(wanted: EvalSettings) -> tuple[list[Reference], list[str], dict[str, Path]]:
    """The truths, files without a partner, and the rows of files."""
    if not wanted.pred:
        if wanted.ref is not None:
            raise UsageError("--ref without --pred", hint="Give the colored files with --pred DIR, or use --data DIR.")
        return find_references(wanted.data, wanted.limit, wanted.seed, wanted.access), [], {}
    if wanted.ref is None:
        raise UsageError("--pred without --ref", hint="Give the folder of true photos with --ref DIR.")
    folders = name_folders(wanted.pred, list(name_models(wanted.models)))
    references, alone = pair_files(find_references(str(wanted.ref)), folders)
    return draw(references, wanted.limit, wanted.seed), alone, folders


def read_by_protocol(reference: Reference, protocol: Protocol) -> Read:
    """Read a truth and what other tools made of it."""
    try:
        truth = reference.read()
        if min(truth.shape[:2]) < SMALLEST:
            raise PhotoError(f"only {truth.shape[1]} x {truth.shape[0]} pixels")
        files, resized = {}, list[str]()
        for row, path in reference.files.items():
            pred = read_picture(path)
            if pred.shape != truth.shape and protocol is not Protocol.native:
                resized.append(f"{path} ({pred.shape[1]} x {pred.shape[0]} to {truth.shape[1]} x {truth.shape[0]})")
                pred = to_size_of(truth, pred)
            if pred.shape != truth.shape:
                sizes = " and ".join(f"{shape[1]} x {shape[0]}" for shape in (pred.shape, truth.shape))
                raise PhotoError(f"{path} and its reference differ in size: {sizes}")
            files[row] = prepare(pred, protocol)
        truth = prepare(truth, protocol)
    except (PhotoError, MemoryError) as error:
        reason = getattr(error, "message", "out of memory")
        made = getattr(error, "path", None) in reference.files.values()
        return Read(reference, error=f"{error.path}: {reason}" if made else reason)  # type: ignore[union-attr]
    return Read(reference, grey=True) if is_grey(truth) else Read(reference, truth, files, resized=tuple(resized))


def to_size_of(truth: Rgb, pred: Rgb) -> Rgb:
    """Another tool's picture at the size of its reference, (H, W, 3): reduced by area averaging, enlarged linearly."""
    way = cv2.INTER_AREA if pred.shape[0] * pred.shape[1] > truth.shape[0] * truth.shape[1] else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(pred, (truth.shape[1], truth.shape[0]), interpolation=way), np.uint8)


def tell_resized(resized: Sequence[str], on_notice: Callable[[str], None]) -> None:
    """Say that files were not of the size of their references."""
    if resized:
        more = f", and {len(resized) - 1} more" if len(resized) > 1 else ""
        on_notice(f"resized to the size of the reference: {resized[0]}{more}")


def nothing_measured(wanted: EvalSettings, failed: Sequence[tuple[str, str]], dropped: Sequence[str]) -> DataError:
    """What to say where no picture could be measured."""
    where = wanted.ref if wanted.pred else wanted.data
    if failed:
        more = f" (and {len(failed) - 1} more)" if len(failed) > 1 else ""
        return DataError(f"nothing could be measured in {where}: {failed[0][1]}{more}")
    return DataError(
        f"every truth in {where} is grey ({counted(len(dropped), 'photo')}, mean chroma below 2): nothing to measure",
        hint="Give --data a folder of color photos.",
    )
