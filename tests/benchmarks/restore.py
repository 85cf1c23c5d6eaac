"""What restoration gives back of what was taken from photos in color, and what it does to photos that need none.

    python -m tests.benchmarks.restore [--source DIR] [--photos 60] [--seed 0] [--only noise,damage,...]

Damages photos by `data.degradations`, mends them as `colorize --restore` does, and prints: of noise, dust and
scratches, fading, dots of print, uneven light and stains, how much comes back; of clean photos under `auto`, how many
are touched; of damaged ones, how far their color is from the truth with and without restoration (CIEDE2000), with a
paired bootstrap interval.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from skimage.color import deltaE_ciede2000

from colorize_cli import Colorizer
from colorize_cli.color.lab import lab_from_srgb
from colorize_cli.data.degradations import hidden, noisy, scratched
from colorize_cli.data.print_degradations import faded, halftoned, stained, unevenly_lit
from colorize_cli.data.samples import sample_photos
from colorize_cli.restore.choices import Repair, RestoreOptions
from colorize_cli.restore.damage import bundled_finder
from colorize_cli.restore.repair import Repairs, examine, plane_of, repaired, samples_of
from colorize_cli.restore.stains import light_at

SIDE = 900  # pixels of the longer side
Grey = NDArray[np.uint8]


def photos_of(folder: Path | None, count: int) -> list[NDArray[np.uint8]]:
    """RGB photos of at most `SIDE` pixels."""
    if folder is None:
        found = [rgb for _, rgb in sample_photos()]
    else:
        files = sorted(file for file in folder.iterdir() if file.suffix.lower() in (".jpg", ".png", ".webp"))
        found = [cv2.imread(str(file))[..., ::-1] for file in files[:: max(1, len(files) // count)][:count]]
    photos = []
    for rgb in found:
        scale = min(1.0, SIDE / max(rgb.shape[:2]))
        photos.append(cv2.resize(np.ascontiguousarray(rgb), None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA))
    return photos


def grey_of(rgb: NDArray[np.uint8]) -> Grey:
    """The photo as old film has it."""
    return np.asarray(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY), np.uint8)


def coded(plane: NDArray[np.float32]) -> Grey:
    """[0, 1] to 8 bits."""
    return np.asarray(np.clip(plane * 255, 0, 255).round(), np.uint8)


def psnr(a: Grey, b: Grey, where: NDArray[np.bool_] | None = None) -> float:
    """dB, of all or of some pixels."""
    error = np.square(a.astype(float) - b)
    mean = float(error.mean() if where is None else error[where].mean())
    return 100.0 if mean == 0 else float(10 * np.log10(255**2 / mean))


def mend(grey: Grey, *names: Repair) -> tuple[Grey, Repairs]:
    """As `--restore` does; without names, as `auto`."""
    options = RestoreOptions(repairs=frozenset(names or Repair), auto=not names)
    repairs = examine(plane_of(grey), lambda: samples_of(grey), options, bundled_finder)
    return np.asarray(repaired(grey, repairs), np.uint8), repairs


def lightness_changed(a: Grey, b: Grey) -> NDArray[np.bool_]:
    """Where lightness is more than 2 apart."""
    one, other = (lab_from_srgb(np.repeat(grey[..., None], 3, 2))[..., 0] for grey in (a, b))
    return np.abs(one - other) > 2


def interval(values: list[float], seed: int = 0) -> str:
    """Mean and its 95 % bootstrap interval."""
    numbers, rng = np.asarray(values), np.random.default_rng(seed)
    means = numbers[rng.integers(0, len(numbers), (2000, len(numbers)))].mean(1)
    return f"{numbers.mean():+.2f} [{np.quantile(means, 0.025):+.2f}, {np.quantile(means, 0.975):+.2f}]"


Photos = Sequence[NDArray[np.uint8]]
Generators = Sequence[np.random.Generator]


def taken_noise(greys: Photos, rngs: Generators) -> str:
    """Noise of sigma 15 of 255."""
    gains = []
    for grey, rng in zip(greys, rngs, strict=True):
        worse = coded(noisy(plane_of(grey), 15 / 255, rng))
        gains.append(psnr(mend(worse, Repair.noise)[0], grey) - psnr(worse, grey))
    return f"noise of sigma 15: {interval(gains)} dB of PSNR (asked: +4)"


def found_damage(greys: Photos, rngs: Generators) -> str:
    """Dust and scratches."""
    hits = found = there = 0
    every = np.zeros(2, int)  # hits among, and count of, all damaged pixels, those too that are hidden in rough ground
    inside, touched, whole, f1s = [], [], [], []
    for grey, rng in zip(greys, rngs, strict=True):
        plane, covered = scratched(plane_of(grey), rng)
        truth, worse = covered & ~hidden(plane_of(grey), plane), coded(plane)
        better, repairs = mend(worse, Repair.scratches)
        raw = np.zeros(grey.shape, bool) if repairs.mask is None else repairs.mask
        hits, found, there = hits + int((raw & truth).sum()), found + int(raw.sum()), there + int(truth.sum())
        every += int((raw & covered).sum()), int(covered.sum())
        f1s.append(2 * float((raw & truth).sum()) / max(1, int(raw.sum() + truth.sum())))
        if covered.any():
            inside.append(psnr(better, grey, covered) - psnr(worse, grey, covered))
        changed = lightness_changed(better, worse)
        touched.append(float(changed[~covered].mean()))
        whole.append(float(changed[worse == grey].mean()))
    return (
        f"dust and scratches: precision {hits / max(1, found):.3f}, recall {hits / max(1, there):.3f}, "
        f"F1 {2 * hits / max(1, found + there):.3f}, mean of photos {np.mean(f1s):.3f} (asked: 0.75), "
        f"{2 * every[0] / max(1, found + every[1]):.3f} where what nobody sees on rough ground counts, too; "
        f"inside {interval(inside)} dB (+6); undamaged pixels changed: {100 * np.mean(touched):.2f} % (0.5), "
        f"of those that damage did not touch {100 * np.mean(whole):.2f} %"
    )


def unfaded(greys: Photos, rngs: Generators) -> str:
    """Fading."""
    back, cut = [], []
    for grey, rng in zip(greys, rngs, strict=True):
        worse = coded(faded(plane_of(grey), rng))
        better, _ = mend(worse, Repair.fading)
        lost = float(grey.std()) - float(worse.std())
        back.append((float(better.std()) - float(worse.std())) / max(lost, 1e-9))
        cut += [100 * float(np.mean(better == end)) for end in (0, 255)]
    return (
        f"fading: {100 * np.mean(back):.0f} % of the lost contrast back, least {100 * np.min(back):.0f} % (asked: 50); "
        f"at most {max(cut):.2f} % of the pixels at either end (0.1)"
    )


def taken_dots(greys: Photos, rngs: Generators) -> str:
    """A print's screen."""
    gains = []
    for grey, rng in zip(greys, rngs, strict=True):
        worse = coded(halftoned(plane_of(grey), rng))
        gains.append(psnr(mend(worse, Repair.halftone)[0], grey) - psnr(worse, grey))
    return f"halftone: {interval(gains)} dB of PSNR (asked: +5)"


def evened_light(greys: Photos, rngs: Generators, name: str, spoil: Callable[..., NDArray[np.float32]]) -> str:
    """Uneven light, or stains."""
    left, lit = [], []
    for grey, rng in zip(greys, rngs, strict=True):
        light = spoil(np.ones(grey.shape, np.float32), rng)
        _, repairs = mend(coded(plane_of(grey) * light), Repair.stains)
        log, (height, width) = np.log(light), grey.shape
        known = 0.0 if repairs.light is None else light_at(repairs.light, (0, 0), (height, width), (height, width))
        left.append(float(np.std(log - known)))
        lit.append(float(log.std()))
    gone, energy = 1 - np.sum(left) / np.sum(lit), 1 - np.sum(np.square(left)) / np.sum(np.square(lit))
    return f"{name}: {100 * gone:.1f} % of its standard deviation gone, {100 * energy:.0f} % of its variance (50)"


def left_alone(greys: Photos) -> str:
    """Clean photos under `auto`."""
    clean, alone = [], 0
    for grey in greys:
        better, repairs = mend(grey)
        alone += not repairs
        clean.append(min(psnr(better, grey), 60.0))
    share = 100 * alone / len(greys)
    return f"clean photos under auto: {share:.0f} % untouched (asked: 90), {np.mean(clean):.1f} dB (45)"


def colored(photos: Photos, rngs: Generators) -> str:
    """Color with and without restoration of photos that are scratched, faded and noisy."""
    colorizer, nearer = Colorizer("mini"), []
    for rgb, rng in zip(photos, rngs, strict=True):
        scratches, _ = scratched(plane_of(grey_of(rgb)), rng)
        worse = coded(noisy(faded(scratches, rng), 12 / 255, rng))
        better, _ = mend(worse)
        truth = lab_from_srgb(rgb)
        both = [lab_from_srgb(np.asarray(colorizer(one), np.uint8)) for one in (worse, better)]
        far = [float(deltaE_ciede2000(one, truth).mean()) for one in both]
        nearer.append(far[0] - far[1])
    return f"color after restoration is nearer the truth by {interval(nearer)} of CIEDE2000 (asked: above 0)"


def spent(grey: NDArray[np.uint8]) -> str:
    """Processor time of 12 megapixels."""
    large = cv2.resize(grey, (4000, 3000), interpolation=cv2.INTER_CUBIC)
    bundled_finder()
    started = time.process_time()
    mend(np.asarray(large, np.uint8), *Repair)
    return f"12 megapixels: {time.process_time() - started:.1f} CPU s (asked: 4)"


def main() -> None:
    """Measure, and print a line for each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--source", type=Path)
    parser.add_argument("--photos", type=int, default=60)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", default="noise,damage,fading,halftone,light,stains,clean,color,time")
    options = parser.parse_args()
    photos = photos_of(options.source, options.photos)
    greys = [grey_of(rgb) for rgb in photos]
    print(f"{len(photos)} photos", flush=True)

    def rngs() -> Generators:
        return [np.random.default_rng((options.seed, i)) for i in range(len(greys))]

    measures: dict[str, Callable[[], str]] = {
        "noise": lambda: taken_noise(greys, rngs()),
        "damage": lambda: found_damage(greys, rngs()),
        "fading": lambda: unfaded(greys, rngs()),
        "halftone": lambda: taken_dots(greys, rngs()),
        "light": lambda: evened_light(greys, rngs(), "uneven light", unevenly_lit),
        "stains": lambda: evened_light(greys, rngs(), "stains", stained),
        "clean": lambda: left_alone(greys),
        "color": lambda: colored(photos, rngs()),
        "time": lambda: spent(coded(scratched(plane_of(greys[0]), rngs()[0])[0])),
    }
    for name in options.only.split(","):
        print(measures[name](), flush=True)


if __name__ == "__main__":
    main()
