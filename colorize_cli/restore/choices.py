"""What is to be mended on photos, as it was asked for.

In:  what was typed, or given to `RestoreOptions`
Out: the choices, valid in themselves
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from colorize_cli.errors import UsageError, quoted
from colorize_cli.models.registry import Task
from colorize_cli.models.restoration_networks import named_exactly

AUTO = "auto"
_DENOISE = 0.75  # share of the noise that is taken away: a photo that is quite smooth gets worse colors


class Crop(StrEnum):
    """What is cut off."""

    off = "off"
    borders = "borders"


class Invert(StrEnum):
    """Which photos are inverted."""

    off = "off"
    auto = "auto"


class Repair(StrEnum):
    """What can be mended."""

    scratches = "scratches"
    noise = "noise"
    fading = "fading"
    halftone = "halftone"
    stains = "stains"
    faces = "faces"


class Inpaint(StrEnum):
    """What fills dust and scratches."""

    classical = "classical"
    lama = "lama"


CLASSICAL = frozenset(Repair) - {Repair.faces}  # what `auto` decides on: it downloads nothing
SCALES = {2: "realesrgan-x2", 4: "realesrgan-x4"}  # by how much is enlarged, and by which network


@dataclass(frozen=True, kw_only=True)
class RestoreOptions:
    """What is to be mended before a photo is colored.

    Attributes:
        repairs: those that are asked for; none for no restoration.
        auto: whether each is done only where a test finds that it is needed.
        denoise: share of the noise that is taken away, [0, 1]; None for 0.75, and all where a network does it.
        masks: a folder of masks that people made or edited: where one is, its white is filled, and nothing else.
        masks_out: where the masks of what was filled are written.
        only: stop there: the photo stays black-and-white.
        crop: cut a scanner's black or white borders off, and turn what lies askew level.
        invert: turn what is a negative into a positive.
        restore_model: a network by its name or file, which takes noise away in place of the classical way.
        upscale: by how much photos are enlarged; 1 is not at all, 0 as `upscale_model` does it.
        upscale_model: the network that enlarges, by its name or file; None is the list's.
        face_weight: share of a restored face in the result, [0, 1].
        inpaint: what fills dust and scratches.

    Raises:
        UsageError: `denoise` is out of its range, or no network of the list enlarges by so much.
    """

    repairs: frozenset[Repair] = frozenset()
    auto: bool = False
    denoise: float | None = None
    masks: Path | None = None
    masks_out: Path | None = None
    only: bool = False
    crop: bool = False
    invert: bool = False
    restore_model: str | None = None
    upscale: int = 1
    upscale_model: str | None = None
    face_weight: float = 0.5
    inpaint: Inpaint = Inpaint.classical

    def __post_init__(self) -> None:
        if self.denoise is not None and not 0 <= self.denoise <= 1:
            raise UsageError(f"denoise {self.denoise} is outside 0 to 1", hint="Give a number from 0 to 1.")
        if not 0 <= self.face_weight <= 1:
            raise UsageError(f"face weight {self.face_weight} is outside 0 to 1", hint="Give a number from 0 to 1.")
        if self.upscale_model is None and self.upscale not in (1, *SCALES):
            raise UsageError(f"--upscale {self.upscale}: no network enlarges so", hint="Give 2 or 4.")

    def __bool__(self) -> bool:
        return bool(self.repairs) or self.frames or self.networks

    @property
    def noise_share(self) -> float:
        """Share of the noise that is taken away, [0, 1]."""
        if self.denoise is not None:
            return self.denoise
        return _DENOISE if self.restore_model is None else 1.0

    @property
    def networks(self) -> bool:
        """Whether networks by name or file mend or enlarge."""
        return self.spandrels or self.inpaint is Inpaint.lama

    @property
    def spandrels(self) -> bool:
        """Whether any of these networks is one that spandrel loads."""
        return self.restore_model is not None or self.enlarger is not None or Repair.faces in self.repairs

    @property
    def enlarger(self) -> str | None:
        """The network that enlarges, by its name or file."""
        return self.upscale_model or SCALES.get(self.upscale)

    @property
    def frames(self) -> bool:
        """Whether a photo is seen to before anything is decided on it."""
        return self.crop or self.invert

    def check_scale(self, scale: int) -> None:
        """Refuse a network that enlarges by another factor than was asked for.

        Raises:
            UsageError: it does.
        """
        if self.upscale > 1 and self.upscale != scale:
            raise UsageError(
                f"--upscale {self.upscale}: {self.upscale_model} enlarges {scale} times",
                hint=f"Give --upscale {scale}, or leave it out.",
            )

    def settings(self) -> dict[str, str]:
        """In a note; it is part of what makes two results equal.

        Raises:
            ModelNotFoundError: no network of that name, or no such file.
        """
        said = dict[str, str]()
        if self.repairs:
            faces = ",faces" if Repair.faces in self.repairs else ""
            names = AUTO + faces if self.auto else ",".join(sorted(self.repairs))
            how = "" if self.denoise is None else f" denoise={self.denoise:g}"
            said["restore"] = names + how + (" masks" if self.masks is not None else "")
        if self.only:
            said["restore"] = (said.get("restore", "") + " only").strip()
        if self.crop:
            said["crop"] = "borders"
        if self.invert:
            said["invert"] = AUTO
        if self.restore_model is not None:
            said["restore_model"] = named_exactly(self.restore_model, Task.restore)
        if Repair.faces in self.repairs:
            said["faces"] = f"{named_exactly('gfpgan', Task.faces)} weight={self.face_weight:g}"
        if self.inpaint is Inpaint.lama and Repair.scratches in self.repairs:
            said["inpaint"] = named_exactly("lama", Task.inpaint)
        if self.enlarger is not None:
            said["upscale"] = named_exactly(self.enlarger, Task.upscale)
        return said


def parse_repairs(text: str) -> tuple[frozenset[Repair], bool]:
    """Read `--restore`: `auto`, or names with commas between them; `auto,faces` is both.

    Raises:
        UsageError: a name is none, or there is none.
    """
    names = [name.strip() for name in text.split(",") if name.strip()]
    for name in names or [text]:
        if name not in {AUTO, *Repair}:
            raise UsageError(
                f"--restore: {quoted(name)} is no repair",
                hint=f"There are: auto, {', '.join(Repair)}; several with commas between them.",
            )
    found = frozenset(Repair(name) for name in names if name != AUTO)
    return (found | CLASSICAL, True) if AUTO in names else (found, False)
