"""The photos of a batch, and which files among them are results of earlier runs.

In:  a batch whose results may lie among its sources: beside them, or in the folders that are searched
Out: for each file found in a folder, whether it is a result
"""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path

from colorize_cli.files.discover import Discovery, discover
from colorize_cli.files.passed_over import PhotoNames
from colorize_cli.formats.reader import read_provenance
from colorize_cli.formats.table import PHOTO_NAMES
from colorize_cli.inference.sheets import PAIR, SHEET
from colorize_cli.inference.variant_outputs import base_stem
from colorize_cli.pipeline.run_options import BatchOptions


class Products:
    """Tells results from sources.

    A file with our note is a result where results lie among the sources, whatever its name; elsewhere where it is
    called as a result is, or as a pair or sheet beside one. A file without a note, say since its metadata was removed,
    is one where it is called as the result of a file beside it.

    Args:
        batch: which photos, and where their results go.
    """

    def __init__(self, batch: BatchOptions) -> None:
        self.suffix = batch.suffix
        out = os.path.realpath(batch.out)
        folders = [os.path.realpath(name) for name in batch.photos if os.path.isdir(name)]
        self._among = any(folder == out or folder.startswith(out.rstrip(os.sep) + os.sep) for folder in folders)
        self._stems = lru_cache(maxsize=16)(_stems)

    def __call__(self, path: Path) -> bool:
        """Whether a file is a result."""
        if path.name.lower().endswith((PAIR, SHEET)) and _is_ours(path):
            return True
        bases = self._bases(path.stem)
        if not bases and not self._among:
            return False
        if _is_ours(path):
            return True
        return self._among and not bases.isdisjoint(self._stems(path.parent))

    def _bases(self, stem: str) -> set[str]:
        """The stems of the photos whose result or variant a file is, by its name."""
        found = set[str]()
        for name in (stem, base_stem(stem)):
            if name and self.suffix and name.endswith(self.suffix) and name != self.suffix:
                found.add(name[: -len(self.suffix)])
            elif name and name != stem:
                found.add(name)
        return found


def _is_ours(path: Path) -> bool:
    return read_provenance(path) is not None


def find_photos(batch: BatchOptions, names: PhotoNames = PHOTO_NAMES) -> Discovery:
    """The photos of a batch, without results of earlier runs.

    Args:
        batch: where to look.
        names: what is taken: photos alone, or films, too.

    Raises:
        UsageError, NothingToDoError: see `discover`.
    """
    return discover(
        batch.photos,
        photos=names,
        recursive=batch.recursive,
        leave=None if batch.single_output() else batch.out,
        is_product=Products(batch),
        listed=batch.listed,
    )


def _stems(folder: Path) -> frozenset[str]:
    try:
        return frozenset(os.path.splitext(name)[0] for name in os.listdir(folder))
    except OSError:
        return frozenset()
