"""Which of the files of a batch are films.

In:  a path
Out: whether it is a film; the names by which photos and films are found in a folder
"""

from __future__ import annotations

from pathlib import Path

from colorize_cli.files.passed_over import PhotoNames
from colorize_cli.formats.table import PHOTO_NAMES
from colorize_cli.formats.video.film_names import FILM_SUFFIXES, sniff_film

NAMES = PhotoNames(
    PHOTO_NAMES.suffixes | FILM_SUFFIXES, lambda head: PHOTO_NAMES.sniff(head) or sniff_film(head) or None
)


def is_film(path: Path) -> bool:
    """Whether a file is a film: it is named like one, or is one by its first bytes and not named like a photo."""
    suffix = path.suffix.lower()
    if suffix in PHOTO_NAMES.suffixes:
        return False
    try:
        with path.open("rb") as file:
            head = file.read(64)
    except OSError:
        return suffix in FILM_SUFFIXES
    return PHOTO_NAMES.sniff(head) is None and (suffix in FILM_SUFFIXES or sniff_film(head))
