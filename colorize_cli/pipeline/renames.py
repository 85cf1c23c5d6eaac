"""Results of photos that were renamed: they get the new name, instead of being made anew.

In:  photos that came, and the places of photos that are gone
Out: results under their new names
"""

from __future__ import annotations

import glob
import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from colorize_cli.errors import printable
from colorize_cli.files.facts import sha256_of
from colorize_cli.files.names import escaped, fit
from colorize_cli.files.source_list import Source
from colorize_cli.formats.reader import read_result


def follow_renames(new: Sequence[Source], gone: Iterable[Path], out: Path, suffix: str) -> list[tuple[Path, Path]]:
    """Rename the results of photos that were renamed, where the new name is free.

    Args:
        new: photos that came.
        gone: the places, below the folder, of photos that are no more.
        out: the folder of results.
        suffix: text added to each stem.

    Returns:
        The results, by their old and new paths.
    """
    sizes, moved = dict[int, list[Source]](), list[tuple[Path, Path]]()
    for source in new:
        try:
            sizes.setdefault(source.path.stat().st_size, []).append(source)
        except OSError:
            continue
    for relative in gone:
        for result in _results(out, relative, suffix):
            found = read_result(result)
            made_of = None if found is None or found.note is None else found.note.source
            if made_of is None or made_of.relative != printable(relative.as_posix()):
                continue
            for source in sizes.get(made_of.size, ()):
                target = _mirrored(out, source.relative, suffix, result.suffix)
                if source.path.suffix == relative.suffix and not target.exists() and _is(source, made_of.sha256):
                    target.parent.mkdir(parents=True, exist_ok=True)
                    os.rename(result, target)
                    moved.append((result, target))
                    break
    return moved


def _is(source: Source, sha256: str) -> bool:
    try:
        return sha256_of(source.path) == sha256
    except Exception:  # it is gone, or changes: the run tells
        return False


def _results(out: Path, relative: Path, suffix: str) -> list[Path]:
    """Files that may be the result of a photo."""
    pattern = _mirrored(out, relative, suffix, "")
    return [Path(name) for name in glob.glob(f"{glob.escape(str(pattern))}.*")]


def _mirrored(out: Path, relative: Path, suffix: str, ending: str) -> Path:
    place = escaped(relative)
    return out / place.with_name(fit(place.stem + suffix, ending))
