"""A part of a batch that another process does: it names results as the whole batch does.

In:  the photos of a batch, and the plan of their names
Out: parts, each with the photos that may want a name of theirs
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from colorize_cli.files.destinations import Destinations
from colorize_cli.files.source_list import Source
from colorize_cli.formats.video.film_files import NAMES
from colorize_cli.inference.sheets import PAIR, SHEET

MOST_IN_PART = 64  # photos that are done again, or looked at again, where the process that did them is lost


@dataclass(frozen=True)
class Part:
    """Some photos of a batch.

    Attributes:
        places: in the batch, of the photos that are to be done.
        sources: these photos, then those that they may share a name with.
        lifted: places among `sources` of photos whose names are told apart by a hash.
    """

    places: tuple[int, ...]
    sources: tuple[Source, ...]
    lifted: frozenset[int]

    @property
    def count(self) -> int:
        """How many photos are to be done, the first of `sources`."""
        return len(self.places)


def parts_of(
    sources: Sequence[Source], destinations: Destinations, places: Sequence[int], count: int, variants: int = 1
) -> Iterator[Part]:
    """The batch in parts of so many photos, each with so many variants."""
    for start in range(0, len(places), count):
        own = [int(place) for place in places[start : start + count]]
        rivals = set[int]()
        for place in own:
            rivals |= destinations.rivals(place, NAMES.suffixes, (PAIR, SHEET), variants)
        held = [*own, *sorted(rivals.difference(own))]
        lifted = frozenset(number for number, place in enumerate(held) if destinations.is_lifted(place))
        yield Part(tuple(own), tuple(sources[place] for place in held), lifted)
