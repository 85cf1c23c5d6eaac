"""What is told about a photo besides its outcome; and what of it was lost, by kind.

In:  a text, and what was lost, where something was
Out: `Note`s: plain text for the report, counted by `Loss` in the summary
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum
from typing import Self


class Loss(Enum):
    """What a photo's result does not have, though its file had it: key in the report, words for one photo and for many.

    A new kind is one line here. The words follow a count: "1 photo lost ...", "2 photos lost ...".
    """

    frames = ("frames", "lost animation frames", "lost animation frames")
    pictures = ("pictures", "lost a second picture", "lost second pictures")
    video = ("video", "lost its video", "lost their videos")
    gain_map = ("gain map", "lost its gain map (HDR)", "lost their gain maps (HDR)")
    depth_map = ("depth map", "lost its depth map or mask", "lost their depth maps or masks")
    pages = ("pages", "lost pages", "lost pages")
    profile = ("profile", "lost its color profile", "lost their color profiles")
    layers = ("layers", "lost layers", "lost layers")
    depth = ("depth", "lost bits of depth", "lost bits of depth")
    transparency = ("transparency", "lost its transparency", "lost their transparency")
    metadata = ("metadata", "lost some metadata", "lost some metadata")
    thumbnail = ("thumbnail", "lost its thumbnail", "lost their thumbnails")
    sub_images = ("sub-images", "lost sub-images or masks", "lost sub-images or masks")
    bytes_after = ("bytes after", "lost bytes that stood after the picture", "lost bytes that stood after the picture")
    structure = ("structure", "lost the layout of its file", "lost the layout of their files")
    format = ("format", "changed its format or suffix", "changed their format or suffix")
    sidecar = ("side-car", "has a side-car that needs a look", "have side-cars that need a look")
    salvage = ("salvage", "is damaged: what is missing is blank", "are damaged: what is missing is blank")

    def __init__(self, key: str, one: str, many: str) -> None:
        self.key, self.one, self.many = key, one, many

    def told(self, count: int) -> str:
        """The summary's line for `count` photos: "2 photos lost layers"."""
        return f"1 photo {self.one}" if count == 1 else f"{count:,} photos {self.many}"


class Note(str):
    """A sentence about one photo, for the report; and the kind of loss that it tells, where it tells one.

    It is a `str`, so that notes of both kinds go through the same tuples:

        notes.append(Note("only the first of 12 frames was taken", Loss.frames))   # counted in the summary
        notes.append("its hints are for the first page")                           # told in the report alone

    A note with a loss is counted on the console, once per photo and kind. It speaks of the *result*: where a photo is
    copied byte for byte, what the decoder noted is not told. Joining or formatting gives a plain `str` without the
    loss: use `with_text` to say the same loss in other words.

    Args:
        text: the sentence, without the photo's name.
        loss: what was lost; None where nothing was.
    """

    __slots__ = ("loss",)
    loss: Loss | None

    def __new__(cls, text: str, loss: Loss | None = None) -> Self:
        """See the class."""
        note = super().__new__(cls, text)
        note.loss = loss
        return note

    def __reduce__(self) -> tuple[type[Note], tuple[str, Loss | None]]:
        return Note, (str(self), self.loss)

    def with_text(self, text: str) -> Note:
        """The same loss in other words."""
        return Note(text, self.loss)


def losses(notes: Iterable[str]) -> tuple[Loss, ...]:
    """The kinds of loss that a photo's notes tell, each once, in the order of `Loss`."""
    told = {note.loss for note in notes if isinstance(note, Note)}
    return tuple(loss for loss in Loss if loss in told)
