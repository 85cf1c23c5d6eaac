"""Which photos lie in a store, as a batch has them: each with a place on this machine where it will lie.

In:  a store, URLs in it
Out: sources; of keys that are no paths one each that says so
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from colorize_cli.errors import NothingToDoError, one_line, printable
from colorize_cli.files.discover import Discovery
from colorize_cli.files.natural import in_natural_order
from colorize_cli.files.passed_over import no_photo, why_name_is_no_photo
from colorize_cli.files.source_list import Source, SourceList
from colorize_cli.files.stores import Store, is_safe
from colorize_cli.formats.video.film_files import NAMES


def stored_photos(store: Store, urls: Sequence[str], sink: Store | None, folder: Path, recursive: bool) -> Discovery:
    """The photos below some URLs.

    Args:
        store: they are of this one, below its place; where that is an object, its place becomes the one above.
        urls: folders, or objects.
        sink: where the results go; what lies there is no photo.
        folder: on this machine, where photos will lie.
        recursive: go into folders within folders.

    Raises:
        NothingToDoError: a store cannot be listed, or has nothing of that name.
    """
    sources, passed_over = SourceList(), Counter[str]()
    leave = f"{sink.root}/" if sink is not None and sink.scheme == store.scheme else None
    for url in urls:
        place, some = store.at(url), False
        for at, names in place.walk(recursive):
            some = some or bool(names)
            if leave is not None and f"{at}/".startswith(leave):
                continue
            for name in in_natural_order(names):
                relative = f"{at}/{name}".removeprefix(f"{store.root}/")
                fault = _fault(relative, place, at)
                if not fault and (kind := _why_passed_over(name)):
                    passed_over[kind] += 1
                elif fault:
                    stand_in = f"key {len(sources)}"
                    sources.append(Source(folder / stand_in, Path(stand_in), fault=fault))
                else:
                    within = f"{at}/{name}".removeprefix(f"{place.root}/")
                    sources.append(Source(folder / relative, Path(relative), Path(within)))
        if not some and _is_object(place):
            if place.root == store.root:
                store.name_parent()
            relative = place.root.removeprefix(f"{store.root}/")
            sources.append(Source(folder / relative, Path(relative), Path(Path(relative).name)))
        elif not some:
            raise NothingToDoError(f"nothing at {url}", hint="Is it spelt right? See --storage-option for endpoints.")
    return Discovery(sources, passed_over)


def _fault(relative: str, place: Store, folder: str) -> str:
    """Why an object cannot be a file; empty where it can."""
    if not is_safe(relative):
        return f"its key, {printable(relative)}, is no path"
    if any(f"{folder}/".startswith(f"{shared}/") for shared in place.shared):
        return f"its key, {printable(relative)}, lies below that of another object, as no file can"
    return ""


def _is_object(place: Store) -> bool:
    try:
        return place.facts("") is not None
    except OSError as error:
        raise NothingToDoError(f"{place.url} cannot be read: {one_line(error)}") from None


def _why_passed_over(name: str) -> str | None:
    """Why an object is no photo; None where it may be one. Its bytes are not asked for: there may be a million."""
    return why_name_is_no_photo(name) or (None if Path(name).suffix.lower() in NAMES.suffixes else no_photo(name))
