"""Decide which repairs a photo needs, and do them on some rows at a time.

In:  a copy of a photo to decide on; then its pixels, (H, W) or (H, W, 3), uint8 or uint16, a strip after the other
Out: `Repairs`; the pixels repaired, of the same kind
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from colorize_cli.color.pixels import maximum_of, reduced
from colorize_cli.restore import fading, halftone, noise, stains
from colorize_cli.restore.choices import Repair, RestoreOptions
from colorize_cli.restore.damage import RIM, SIDE, WIDE_RIM, DamageFinder, Mask, Plane, filled, find_damage

HALO = 96  # rows above and below a strip that decide what it becomes
_STRIP, _COLUMNS = 512, 1024  # rows and columns that are repaired at once
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)
_NOISY, _GRAINY, _EVEN = 5.0 / 255, 0.25, 0.81  # noise that `auto` takes away: least, most whiteness, least evenness
_FADED = 0.68  # range of tones up to which `auto` calls a photo faded
_RAISED_BLACK = 0.1  # darkest tone above which `auto` calls a photo of few tones faded: others are dark
_DAMAGED = 0.003  # share of the picture that is certainly damaged from which `auto` fills
_SAMPLE = 1024  # pixels a side of the parts in which noise is measured


@dataclass(frozen=True, eq=False)
class Repairs:
    """What is mended on one photo.

    Attributes:
        mask: where it is damaged, on a copy of any size; None: it is not.
        exact: a person drew it: what is beside it stays as it is.
        noise: standard deviation of the noise that is taken away, [0, 1]; 0 for none.
        denoise: share of it that is taken away.
        tones: what becomes black and white, [0, 1]; None: all tones stay.
        outer: tones that noise reaches beyond these, see `fading.stretched`.
        screen: frequencies of a print's dots, which are taken out.
        light: what lies on the picture, see `stains`; None: it is even.
    """

    mask: Mask | None = None
    exact: bool = False
    noise: float = 0.0
    denoise: float = 1.0
    tones: fading.Tones | None = None
    outer: fading.Tones | None = None
    screen: tuple[halftone.Frequency, ...] = ()
    light: Plane | None = None

    def __bool__(self) -> bool:
        found = (self.mask, self.tones, self.light)
        return self.noise > 0 or bool(self.screen) or any(one is not None for one in found)

    @property
    def notes(self) -> tuple[str, ...]:
        """What the report says."""
        said = list[str]()
        if self.screen:
            pitch = 1 / min(float(np.hypot(*one)) for one in self.screen)
            said.append(f"took out the dots of a print, {pitch:.1f} pixels apart")
        if self.mask is not None:
            share, places = f"{100 * float(self.mask.mean()):.2g} % of the picture", self._places(self.mask)
            said.append(f"filled dust and scratches: {share}{places}")
        if self.noise > 0:
            share = "" if self.denoise == 1 else f", {100 * self.denoise:.0f} % of it"
            said.append(f"took away noise of {255 * self.noise:.1f} levels of 255{share}")
        if self.light is not None:
            factor = float(np.exp(np.ptp(self.light)))
            said.append(
                f"evened out light and stains: the darkest place had {100 / factor:.0f} % of the lightest's light"
            )
        if self.tones is not None:
            low, high = (round(255 * tone) for tone in self.tones)
            said.append(f"brought faded tones, {low} to {high} of 255, back to black and white")
        return tuple(f"restored: {one}" for one in said)

    def _places(self, mask: Mask) -> str:
        """In how many places, and where the largest is; a person knows what she drew."""
        if self.exact:
            return ""
        count, _, stats, centres = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
        largest = 1 + int(stats[1:, cv2.CC_STAT_AREA].argmax())
        right, down = (
            round(100 * float(at) / side) for at, side in zip(centres[largest], mask.shape[::-1], strict=True)
        )
        places = "1 place" if count == 2 else f"{count - 1} places"
        return f", in {places}, the largest about {right} % from the left and {down} % from the top"


def plane_of(pixels: NDArray[Any]) -> Plane:
    """Pixels to their lightness as it is coded, (H, W), [0, 1]."""
    most = np.float32(maximum_of(pixels))
    if pixels.ndim == 2:
        return np.asarray(pixels, np.float32) / most
    return np.asarray(pixels @ _LUMA, np.float32) / most


def examine(
    copy: Plane,
    samples: Callable[[], list[Plane]],
    options: RestoreOptions,
    finder: Callable[[], DamageFinder],
    given: Mask | None = None,
) -> Repairs:
    """Decide what is mended on a photo.

    Args:
        copy: the whole photo, reduced; [0, 1].
        samples: gives parts of it at full size, in which noise and dots are looked for; asked only where they are.
        options: what is asked for.
        finder: loads the network that finds damage.
        given: a mask that a person made, of any size; nothing is looked for then.
    """
    mask, level, tones, outer, light = given, 0.0, None, None, None
    measured = Repair.halftone in options.repairs or (Repair.noise in options.repairs and options.noise_share > 0)
    parts = samples() if measured else []
    screen = halftone.find_screen(parts) if Repair.halftone in options.repairs else ()
    if screen and options.auto:  # its dots look like dust, and like noise
        options = replace(options, repairs=options.repairs - {Repair.scratches, Repair.noise})
    if Repair.scratches in options.repairs and given is None:
        mask, certain = find_damage(reduced(copy, SIDE), finder())
        if not mask.any() or (options.auto and certain < _DAMAGED):
            mask = None
    if Repair.noise in options.repairs and options.noise_share > 0:
        level = _median(noise.noise_level, parts)
        if options.auto and (
            level < _NOISY or _median(noise.whiteness, parts) > _GRAINY or _median(noise.evenness, parts) < _EVEN
        ):
            level = 0.0
    if Repair.stains in options.repairs and (light := stains.uneven_light(copy, options.auto)) is not None:
        whole = (copy.shape[0], copy.shape[1])
        copy = stains.evened(copy, stains.light_at(light, (0, 0), whole, whole))
    if Repair.fading in options.repairs:
        tones, outer = _faded(copy, mask, options.auto)
    return Repairs(mask, given is not None, level, options.noise_share, tones, outer, screen, light)


def _median(measure: Callable[[Plane], float], parts: list[Plane]) -> float:
    return float(np.median([measure(part) for part in parts]))


def _faded(copy: Plane, mask: Mask | None, auto: bool) -> tuple[fading.Tones | None, fading.Tones | None]:
    """The tones of a faded photo without its damage, beneath its noise and with it."""
    if mask is not None:  # what is filled there lies between the tones around
        size = (copy.shape[1], copy.shape[0])
        grown = cv2.dilate(cv2.resize(mask.astype(np.uint8), size), np.ones((3, 3), np.uint8))
        copy = np.where(grown > 0, np.median(fading.thinned(copy)), copy)
    top, left = (max(0, side // 2 - _SAMPLE // 2) for side in copy.shape)
    level = noise.noise_level(copy[top : top + _SAMPLE, left : left + _SAMPLE])
    tones = fading.faded_tones(copy, level, _FADED if auto else fading.FADED)
    if tones is None or (auto and tones[0] < _RAISED_BLACK):
        return None, None
    return tones, fading.outer_tones(copy)


def samples_of(pixels: NDArray[Any]) -> list[Plane]:
    """Parts of a photo in which noise is measured: its middle, and the middles of its quarters."""
    height, width = pixels.shape[:2]
    if max(height, width) <= 2 * _SAMPLE:
        return [plane_of(pixels)]
    parts = []
    for y, x in ((0.5, 0.5), (0.25, 0.25), (0.25, 0.75), (0.75, 0.25), (0.75, 0.75)):
        top, left = (max(0, int(side * at) - _SAMPLE // 2) for side, at in ((height, y), (width, x)))
        parts.append(plane_of(pixels[top : top + _SAMPLE, left : left + _SAMPLE]))
    return parts


def repaired(pixels: NDArray[Any], repairs: Repairs) -> NDArray[Any]:
    """Mend a whole photo.

    Args:
        pixels: (H, W) or (H, W, 3), uint8 or uint16.
        repairs: what to do.

    Returns:
        The same kind.
    """
    out, height = np.empty_like(pixels), len(pixels)
    for top in range(0, height, _STRIP):
        first, last = max(0, top - HALO), min(height, top + _STRIP + HALO)
        rows = min(_STRIP, height - top)
        out[top : top + rows] = repaired_rows(pixels[first:last], repairs, first, height)[top - first :][:rows]
    return out


def repaired_rows(pixels: NDArray[Any], repairs: Repairs, top: int, height: int) -> NDArray[Any]:
    """Mend some rows of a photo; the outer `HALO` rows are right only where the photo ends.

    Args:
        pixels: (n, W) or (n, W, 3), uint8 or uint16.
        repairs: of the whole photo.
        top: the first row's number.
        height: of the photo.

    Returns:
        The same kind.
    """
    rows, width = pixels.shape[:2]
    holes = None if repairs.mask is None else _holes(repairs.mask, repairs.exact, top, (rows, width), height)
    out = np.empty_like(pixels)
    for left in range(0, width, _COLUMNS):  # so that the planes between take little memory
        first, last = max(0, left - HALO), min(width, left + _COLUMNS + HALO)
        light = None
        if repairs.light is not None:
            light = stains.light_at(repairs.light, (top, first), (rows, last - first), (height, width))
        part = _mended(pixels[:, first:last], repairs, None if holes is None else holes.columns(first, last), light)
        columns = min(_COLUMNS, width - left)
        out[:, left : left + columns] = part[:, left - first : left - first + columns]
    return out


@dataclass(frozen=True)
class _Holes:
    """What is filled of some rows: all of a mask, and some of the rim around it, see `damage.filled`."""

    mask: Mask
    rim: Mask | None
    most: float

    def columns(self, first: int, last: int) -> _Holes:
        columns = slice(first, last)
        return replace(self, mask=self.mask[:, columns], rim=None if self.rim is None else self.rim[:, columns])


def _holes(mask: Mask, exact: bool, top: int, shape: tuple[int, int], height: int) -> _Holes:
    inner = mask_rows(mask, top, shape, height, wider=False)
    if exact:
        return _Holes(inner, None, RIM)
    most = RIM if mask.shape == (height, shape[1]) else WIDE_RIM
    return _Holes(inner, mask_rows(mask, top, shape, height) & ~inner, most)


def _mended(pixels: NDArray[Any], repairs: Repairs, holes: _Holes | None, light: Plane | None) -> NDArray[Any]:
    plane = plane_of(pixels)
    mended = halftone.without_screen(plane, repairs.screen)
    if holes is not None:
        mended = filled(mended, holes.mask, holes.rim, holes.most)
    if repairs.noise > 0:
        mended = noise.denoise(mended, repairs.noise, repairs.denoise)
    if light is not None:
        mended = stains.evened(mended, light)
    most = np.float32(maximum_of(pixels))
    change = mended - plane if pixels.ndim == 2 else (mended - plane)[..., None]
    if repairs.tones is None:
        return np.asarray(np.clip(pixels + most * change, 0, most).round(), pixels.dtype)
    stretched = fading.stretched(np.asarray(pixels / most + change, np.float32), repairs.tones, repairs.outer)
    return np.asarray((stretched * most).round(), pixels.dtype)


def mask_rows(mask: Mask, top: int, shape: tuple[int, int], height: int, wider: bool = True) -> Mask:
    """Rows of a mask at the photo's own size.

    Args:
        mask: (h, w), of the whole photo.
        top: the first row.
        shape: (n, W): of the rows.
        height: H, of the photo.
        wider: by a pixel of the mask on each side; for what hides what was small.
    """
    rows, width = shape
    kernel = np.ones((3, 3), np.uint8)
    if mask.shape == (height, width):
        some = mask[max(0, top - 1) : top + rows + 1]
        wide = cv2.dilate(some.astype(np.uint8), kernel) > 0 if wider else some
        return np.asarray(wide[min(top, 1) :][:rows])
    y = (np.arange(top, top + rows, dtype=np.float32) + 0.5) * (mask.shape[0] / height) - 0.5
    x = (np.arange(width, dtype=np.float32) + 0.5) * (mask.shape[1] / width) - 0.5
    columns, lines = np.meshgrid(x, y)
    soft = cv2.dilate(mask.astype(np.float32), kernel if wider else np.ones((1, 1), np.uint8))
    return np.asarray(cv2.remap(soft, columns, lines, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE) > 0.5)
