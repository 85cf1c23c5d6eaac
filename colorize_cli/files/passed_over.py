"""What is passed over in folders, since it is no photo, and the words for it.

In:  a file in a folder
Out: why it is no photo, in a few words; these words with their numbers
"""

from __future__ import annotations

import re
import stat
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

_JUNK_NAMES = frozenset(
    {"thumbs.db", "desktop.ini", ".ds_store", "ehthumbs.db", "icon\r", ".picasa.ini", ".colorize.lock"}
)
_SIDECAR = re.compile(r"\.hints\.(png|json)$", re.IGNORECASE)
_REPORT = re.compile(r"colorize-report(\.\d+-of-\d+|\.watch)?(\.unfinished-\w+-\d+-\w+)?\.jsonl?$")
_PART = re.compile(r"^\..*\.part$")
_THING = re.compile(r"\b(file|folder|link|photo)\b")


@dataclass(frozen=True)
class PhotoNames:
    """How photos are told from other files.

    Attributes:
        suffixes: of photos, in lower case.
        sniff: gives something for the first 64 bytes of a photo, None for others.
    """

    suffixes: frozenset[str]
    sniff: Callable[[bytes], object | None]


def kinds_of(passed_over: Mapping[str, int]) -> str:
    """What was passed over, in words: "1 hidden folder, 2 system files"."""
    shown = ((kind.replace("no photo", "other file"), n) for kind, n in passed_over.items())
    told = [(n, kind if n == 1 else _THING.sub(r"\1s", kind, count=1)) for kind, n in sorted(shown)]
    return ", ".join(f"{n:,} {kind}" for n, kind in told)


def why_name_is_no_photo(name: str) -> str | None:
    """Why a file, or an object of a store, is no photo though its suffix may be a photo's; None where it may be one."""
    name = name.lower()
    if name in _JUNK_NAMES or name.startswith("._") or _PART.match(name):
        return "system file"
    if name.startswith("."):
        return "hidden file"
    if _SIDECAR.search(name):
        return "hints"
    if _REPORT.search(name):
        return "made by colorize"
    return None


def no_photo(name: str) -> str:
    """What is said of a file that neither its name nor its bytes make one."""
    return f"no photo ({Path(name).suffix.lower() or 'no suffix'})"


def why_passed_over(file: Path, photos: PhotoNames) -> str | None:
    """Why a file in a folder is no photo; None where it may be one. A broken photo is no junk: it must fail by name."""
    if why := why_name_is_no_photo(file.name):
        return why
    if file.suffix.lower() in photos.suffixes:
        return None
    try:
        if not stat.S_ISREG(file.stat().st_mode):
            return "special file"
        with file.open("rb") as handle:
            is_photo = photos.sniff(handle.read(64)) is not None
            return None if is_photo else no_photo(file.name)
    except OSError:
        return "broken link" if file.is_symlink() else no_photo(file.name)
