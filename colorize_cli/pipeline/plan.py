"""What a photo's result may be, before it is read: for names that must not meet.

In:  a source, how results are written
Out: the suffixes that its result may have
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from colorize_cli.errors import PhotoError
from colorize_cli.files.discover import Source
from colorize_cli.formats.encode import EncodeSettings, suffix_for, target_format
from colorize_cli.formats.photo import PhotoFormat
from colorize_cli.formats.probe import probe
from colorize_cli.formats.table import FORMATS
from colorize_cli.formats.video.film_files import is_film
from colorize_cli.formats.video.film_names import written_suffix

_KEPT = 65_536  # headers: photos that may share a name stand near each other


class PossibleSuffixes:
    """The suffixes that results may have, by the headers of their sources; each header is read once or twice.

    Args:
        sources: the batch.
        settings: how results are written.
        are_here: whether headers can be read; else a result may have any suffix.
    """

    def __init__(self, sources: Sequence[Source], settings: EncodeSettings, are_here: bool = True) -> None:
        self.sources, self.settings, self.are_here = sources, settings, are_here
        self._known = lru_cache(maxsize=_KEPT)(self._of)

    def __call__(self, place: int) -> frozenset[str] | None:
        """Of the source with this place in the batch, in lower case; a photo that cannot be read has no result."""
        return self._known(place) if self.are_here else None

    def _of(self, place: int) -> frozenset[str]:
        source = self.sources[place]
        if is_film(source.path):
            return frozenset({source.path.suffix.lower(), written_suffix(source.path.suffix).lower()})
        try:
            found = probe(source.path)
        except PhotoError:
            return frozenset()
        form = target_format(found, self.settings)[0]
        may_be_png = FORMATS[found.format].has_alpha and not FORMATS[form].has_alpha  # transparency makes it one
        forms = {form} | ({PhotoFormat.png} if may_be_png else set())
        suffixes = {suffix_for(source.path, form, pages) for form in forms for pages in (1, found.pages)}
        return frozenset(suffix.lower() for suffix in suffixes)
