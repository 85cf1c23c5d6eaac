"""The truths to measure on, and the files that another tool made of them.

In:  a folder, an archive, `samples`; for files a folder of predictions and one of references
Out: `Reference`s that read themselves; what has no partner
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

import numpy as np

from colorize_cli.data.named import NAMED, Access, locate
from colorize_cli.data.samples import sample_photos
from colorize_cli.data.sources import PHOTO_SUFFIXES, Member, list_members, read_bytes
from colorize_cli.data.srgb_photo import Rgb, decode_rgb
from colorize_cli.errors import DataError, DecodeError
from colorize_cli.files.below import files_below
from colorize_cli.files.small_files import read_plain
from colorize_cli.models.registry import did_you_mean

SAMPLES = "samples"
_MOST_BYTES = 1 << 30  # of one picture


@dataclass(frozen=True)
class Reference:
    """One truth.

    Attributes:
        name: its path in the data set; stable wherever that lies.
        label: the folder it lies in, where the data set has classes.
        read: decodes it: sRGB, uint8, (H, W, 3); raises DecodeError.
        files: what other tools made of it, by the row's name.
    """

    name: str
    label: str | None
    read: Callable[[], Rgb]
    files: dict[str, Path] = field(default_factory=dict)


def read_picture(path: Path) -> Rgb:
    """Read a file as `decode_rgb` does.

    Raises:
        DecodeError: it cannot be read, is no picture, or is damaged.
    """
    try:
        data = read_plain(path, _MOST_BYTES)
    except OSError as error:
        raise DecodeError(f"cannot be read: {error.strerror}", path=path) from error
    return decode_rgb(data, path)


def photo_files(folder: Path) -> list[Path]:
    """The photos below a folder, in the order of their paths; hidden files and folders are left out."""
    return [
        file
        for file in files_below(folder)
        if file.suffix.lower() in PHOTO_SUFFIXES
        and not any(part.startswith(".") for part in file.relative_to(folder).parts)
    ]


def _read_member(member: Member) -> Rgb:
    try:
        _, data = next(read_bytes([member]))
    except DataError as error:
        raise DecodeError(error.message, path=member.file) from error
    return decode_rgb(data, Path(member.name))


def _named_members(name: str, access: Access) -> list[Member]:
    """The photos of a known data set: its validation part, where the copy says its parts."""
    _, members = locate(name, access)
    return [member for member in members if member.part == "val"] or members


def check_data(data: str) -> None:
    """Refuse what is neither a path nor a known data set.

    Raises:
        DataError: it is none.
    """
    if data not in (SAMPLES, *NAMED) and not Path(data).expanduser().exists():
        known = ", ".join((SAMPLES, *NAMED))
        guess = did_you_mean(data, (SAMPLES, *NAMED))
        raise DataError(
            f'no data set "{data}".{guess}', hint=f"Give --data a folder of color photos, or one of: {known}"
        )


def find_references(
    data: str,
    limit: int | None = None,
    seed: int = 0,
    access: Access = Access(),  # noqa: B008 - frozen
) -> list[Reference]:
    """The truths of a data set.

    Args:
        data: a folder of photos, an archive or a folder of them; `samples`; or a known set, found or brought.
        limit: take at most so many; they stay in the order of their names.
        seed: of the draw.
        access: how known sets are reached.

    Raises:
        UsageError: the terms of a known set are not accepted.
        DataError: nothing is there.
        DownloadError: it cannot be brought.
    """
    path = Path(data).expanduser()
    if data == SAMPLES and not path.is_dir():
        references = [Reference(name, None, lambda rgb=rgb: rgb) for name, rgb in sample_photos()]  # type: ignore[misc]
    else:
        check_data(data)
        found = list_members(path) if path.exists() else _named_members(data, access)
        members = [m for m in found if not any(part.startswith(".") for part in m.name.split("/"))]
        references = [Reference(m.name, m.label, lambda m=m: _read_member(m)) for m in members]  # type: ignore[misc]
    if not references:
        raise DataError(f"no photo in {path}", hint="It should hold color photos: .jpg, .png, .webp, .tif, .bmp")
    return draw(references, limit, seed)


def draw(references: Sequence[Reference], limit: int | None, seed: int) -> list[Reference]:
    """At most `limit` of the references, drawn from `seed`, in their order."""
    if limit is None or limit >= len(references):
        return list(references)
    chosen = np.random.default_rng(seed).choice(len(references), size=limit, replace=False)
    return [references[i] for i in sorted(chosen.tolist())]


def pair_files(references: Sequence[Reference], folders: dict[str, Path]) -> tuple[list[Reference], list[str]]:
    """Give each reference its partners: the same relative path, or else the only file of the same path and stem.

    Args:
        references: the truths.
        folders: folders of predictions by the row's name.

    Returns:
        The references that have a partner in every folder; one line for each file that has none.

    Raises:
        DataError: no pair is left.
    """
    paired = {reference.name: dict(reference.files) for reference in references}
    alone: list[str] = []
    for row, folder in folders.items():
        if not folder.is_dir():
            raise DataError(f"no folder {folder}", hint="Give --pred the folder of colored files.")
        files = {file.relative_to(folder).as_posix(): file for file in photo_files(folder)}
        by_stem: dict[str, list[str]] = {}
        for name in files:
            by_stem.setdefault(PurePosixPath(name).with_suffix("").as_posix(), []).append(name)
        used = set()
        for reference in references:
            stem = PurePosixPath(reference.name).with_suffix("").as_posix()
            candidates = [reference.name] if reference.name in files else by_stem.get(stem, [])
            if len(candidates) == 1:
                paired[reference.name][row] = files[candidates[0]]
                used.add(candidates[0])
            else:
                alone.append(f"{reference.name}: {len(candidates) or 'no'} partner{'s' * bool(candidates)} in {folder}")
        alone += [f"{folder / name}: no reference" for name in files if name not in used]
    complete = [
        Reference(reference.name, reference.label, reference.read, paired[reference.name])
        for reference in references
        if all(row in paired[reference.name] for row in folders)
    ]
    if not complete:
        where = ", ".join(str(folder) for folder in folders.values())
        raise DataError(
            f"no file in {where} has a partner among the references",
            hint="Partners have the same path below --pred and --ref, but for the suffix.",
        )
    return complete, alone
