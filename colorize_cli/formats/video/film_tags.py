"""Which of a film's tags its result gets, and how they are written.

In:  the tags of a container or a stream; what is to be stripped
Out: tags; the names of those that a result could not hold
"""

from __future__ import annotations

from pathlib import Path

from colorize_cli.formats.video.av_package import load_av
from colorize_cli.formats.video.film_info import FilmInfo, is_cover

_PLACES = ("location", "com.apple.quicktime.location", "xyz", "©xyz", "gps")
_OWN = ("encoder", "major_brand", "minor_version", "compatible_brands", "duration")  # what a muxer says itself
_OFTEN_OTHERWISE = ("software", "creation_time", "language", "timecode")  # in other places of other containers

_PLAIN = frozenset(
    [
        "title",
        "artist",
        "album",
        "album_artist",
        "composer",
        "comment",
        "genre",
        "copyright",
        "grouping",
        "lyrics",
        "description",
        "synopsis",
        "show",
        "episode_id",
        "network",
        "date",
        "creation_time",
        "location",
    ]
)  # that an MP4 holds where all players look

# ISO 639-2's codes of languages, of which FFmpeg writes others into QuickTime files
_QUICKTIME = dict(
    pair.split(":")
    for pair in [
        "deu:ger",
        "nld:dut",
        "swe:sve",
        "ell:gre",
        "isl:ice",
        "zho:chi",
        "sqi:alb",
        "cym:wel",
        "eus:baq",
        "fas:per",
        "kat:geo",
        "hye:arm",
        "mkd:mac",
        "msa:may",
        "mya:bur",
        "bod:tib",
        "fre:fra",
        "rum:ron",
        "cze:ces",
        "slo:slk",
    ]
)


def kept_tags(tags: dict[str, str], strip: str, muxer: str = "") -> dict[str, str]:
    """The tags that a result gets.

    Args:
        tags: of the source, or of a stream of it.
        strip: `none`, `gps` or `all`: which are left out.
        muxer: FFmpeg's name of the result's container.
    """
    if strip == "all":
        kept = {name: value for name, value in tags.items() if name.lower() == "language"}
    else:
        kept = {name: value for name, value in tags.items() if name.lower() not in _OWN}
    if strip == "gps":
        kept = {name: value for name, value in kept.items() if not name.lower().startswith(_PLACES)}
    if muxer == "mov" and "language" in kept:
        kept["language"] = _QUICKTIME.get(kept["language"], kept["language"])
    return kept


def has_odd_tags(info: FilmInfo) -> bool:
    """Whether a source has tags that an MP4 holds in the newer of its two ways alone, in which it holds no cover."""
    av = load_av()
    with av.open(str(info.path)) as source:
        names = [name.lower().partition("-")[0] for name in source.metadata]  # `location-eng` is `location`
        covers = any(is_cover(stream) for stream in source.streams.video)
    return not covers and any(name not in _PLAIN and name not in _OWN for name in names)


def tags_left_out(info: FilmInfo, result: Path, strip: str) -> list[str]:
    """The names of the tags that a result was to get, and has not, since its container has no place for them."""
    av = load_av()
    with av.open(str(info.path)) as source, av.open(str(result)) as written:
        there = {name.lower() for name in written.metadata}
        wanted = {name.lower() for name, value in kept_tags(source.metadata, strip).items() if value}
    said = {name.partition("-")[0] for name in there}  # `location-eng` is `location`
    return sorted(n for n in wanted - there if n.partition("-")[0] not in said and n not in _OFTEN_OTHERWISE)
