"""Color spaces that a file only names, by the code points of video.

In:  the code points of primaries and transfer (`nclx` of HEIF)
Out: a profile of it, none for sRGB; and what is told where there is none

Source: ITU-T H.273, tables 2 and 3. What says Rec. 709 or 601, or that it does not know, is sRGB in fact: cameras and
encoders write those for pictures that every viewer shows as such.
"""

from __future__ import annotations

from colorize_cli.formats.jxl.jxl_color import profile_of
from colorize_cli.formats.jxl.jxl_header import JxlColor
from colorize_cli.notes import Loss, Note

_PRIMARIES = {1: 1, 2: 1, 5: 1, 6: 1, 7: 1, 9: 9, 12: 11}
_AS_VIDEO = frozenset({1, 6, 14, 15})
_GAMMAS = {4: 1 / 2.2, 5: 1 / 2.8}
_UNKNOWN = 0


def profile_named(primaries: int, transfer: int, format: str) -> tuple[bytes | None, tuple[str, ...]]:
    """The profile of a color space that is named, and what is told.

    Args:
        primaries: their code point.
        transfer: that of the curve.
        format: of the file, for the note.

    Returns:
        The profile; None for sRGB, and for what is taken as sRGB, of which a note tells.
    """
    known = _PRIMARIES.get(primaries, _UNKNOWN)
    if transfer in _AS_VIDEO:
        transfer = 13 if known == 1 else 1
    color = JxlColor(
        primaries=known, transfer=13 if transfer == 2 else 0 if transfer in _GAMMAS else transfer,
        gamma=_GAMMAS.get(transfer, 0.0),
    )  # fmt: skip
    if color.is_srgb:
        return None, ()
    if (profile := profile_of(color)) is not None:
        return profile, ()
    said = f"its colors are in {color.name}, which is not read from {format.upper()}: they are taken as sRGB"
    return None, (Note(said, Loss.profile),)
