"""Whether a film has color of its own, by frames from all over it.

In:  a film
Out: its color's kind; whether it is interlaced
"""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass

from colorize_cli.color.tint import Kind, own_color
from colorize_cli.formats.video.film_frames import quarters, sample_frames
from colorize_cli.formats.video.film_info import FilmInfo
from colorize_cli.formats.video.planes import pixels_of

SAMPLES = 12
_FLAT = 2.0  # levels of spread below which a frame says nothing: black, titles' background
_COLORED = 0.8  # share of the frames that say anything


@dataclass(frozen=True)
class FilmColor:
    """What frames from all over a film tell.

    Attributes:
        seen: how many said anything.
        colored: how many of them are in color.
        interlaced: most frames' rows are of two moments.
        turn: quarter turns, counter-clockwise, by which a player shows it.
    """

    seen: int
    colored: int
    interlaced: bool
    turn: int

    @property
    def has_color(self) -> bool:
        """Whether the film as a whole is in color."""
        return self.colored > 0 and self.colored >= _COLORED * self.seen

    @property
    def mixed(self) -> bool:
        """Whether it has some shots in color, and some without."""
        return self.colored > 0 and not self.has_color


def film_color(info: FilmInfo) -> FilmColor:
    """Look at frames from all over a film."""
    kinds, interlaced, count, turn = list[Kind](), 0, 0, 0
    with closing(sample_frames(info, SAMPLES)) as frames:
        for frame in frames:
            count += 1
            interlaced += bool(frame.interlaced_frame)
            turn = quarters(frame)
            pixels = pixels_of(frame, info.read_matrix, info.full_range)
            if float(pixels.std()) > _FLAT * (1 if pixels.dtype == "uint8" else 257):
                kinds.append(own_color(pixels).kind)
    return FilmColor(len(kinds), kinds.count(Kind.colored), 2 * interlaced > count > 0, turn)
