"""Whether a file of weights, and what it held, is what it says: asked before and after it is loaded.

In:  a path; then the tensors
Out: nothing, or `WeightsError` with the file and the fault

A few kilobytes can claim gigabytes: members of a zip that are deflated or share their bytes, a header that names more
than the file has, tensors that are views of one number.
"""

from __future__ import annotations

import json
import stat
import struct
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from colorize_cli.errors import WeightsError
from colorize_cli.files.small_files import kind_of

_AGAIN = "Copy or pull it again."
_HEADER = 25 << 20  # bytes of a safetensors header; real ones have some hundred thousand
_SLACK = 1 << 20
_MOST_MEMBERS = 100_000


def check_file(path: Path) -> None:
    """Refuse a file that claims to hold more than it has.

    Raises:
        WeightsError: it does, or it is no plain file.
    """
    try:
        found = path.stat()
        if not stat.S_ISREG(found.st_mode):
            raise WeightsError(f"{path} is {kind_of(found.st_mode)}, not a file of weights", hint="Give a file.")
        with path.open("rb") as file:
            start = file.read(9)
        if len(start) == 9 and start[8:] == b"{":
            _check_header(path, struct.unpack("<Q", start[:8])[0], found.st_size)
        elif start[:2] == b"PK":
            _check_members(path, found.st_size)
    except OSError as error:
        raise WeightsError(f"cannot read the weights {path}: {error.strerror or error}", hint=_AGAIN) from error


def _check_header(path: Path, length: int, size: int) -> None:
    if length > min(size, _HEADER):
        raise WeightsError(
            f"{path} is refused: its header claims {length:,} bytes, of {size:,} in the whole file", hint=_AGAIN
        )
    with path.open("rb") as file:
        file.seek(8)
        header = file.read(length)
    try:
        ends = [entry["data_offsets"][1] for name, entry in json.loads(header).items() if name != "__metadata__"]
        end = max((int(end) for end in ends), default=0)
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, RecursionError):
        raise WeightsError(f"cannot read the weights {path}: its header is damaged", hint=_AGAIN) from None
    if 8 + length + end > size:
        raise WeightsError(
            f"{path} is refused: it claims {8 + length + end:,} bytes and has {size:,}; its end is missing", hint=_AGAIN
        )


def _check_members(path: Path, size: int) -> None:
    """A zip of torch: its members are stored as they are, one behind the other."""
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError, struct.error):
        raise WeightsError(f"cannot read the weights {path}: it is damaged", hint=_AGAIN) from None
    whole = sum(member.file_size for member in members)
    if len(members) > _MOST_MEMBERS or whole > size + _SLACK:
        raise WeightsError(
            f"{path} is refused: it has {size:,} bytes and would inflate to {whole:,}",
            hint="Weights are never packed that small; ask its author for safetensors.",
        )


def check_tensors(tensors: Mapping[str, Any], path: Path) -> None:
    """Refuse weights that are not numbers, or are views of far fewer numbers than they claim.

    Args:
        tensors: of torch or numpy, as they were loaded.
        path: the file, for messages.

    Raises:
        WeightsError: one of them holds NaN or infinity, or all together claim more than the file has.
    """
    size, claimed = path.stat().st_size, 0
    for value in tensors.values():
        claimed += _bytes_of(value)
        if claimed > 4 * size + _SLACK:
            raise WeightsError(f"{path} is refused: its tensors claim far more than its {size:,} bytes", hint=_AGAIN)
    for name in _not_finite(tensors):
        raise WeightsError(
            f"{path} is refused: {name} holds values that are not numbers (NaN or infinity)",
            hint="The training went wrong, or the file is damaged; use other weights.",
        )


def _bytes_of(value: Any) -> int:
    if isinstance(value, np.ndarray):
        return value.nbytes
    return int(value.numel() * value.element_size())


def _not_finite(tensors: Mapping[str, Any]) -> Iterator[str]:
    """The names of those that hold NaN or infinity, found without a copy of them."""
    for name, value in tensors.items():
        if isinstance(value, np.ndarray):
            if value.dtype.kind == "f" and not np.isfinite(value).all():
                yield name
        elif value.is_floating_point() and value.numel() and not value.isfinite().all():
            yield name
