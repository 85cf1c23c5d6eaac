"""How still a film's color holds beside frame-by-frame coloring, what that costs in accuracy, and how fast it is.

    python tests/benchmarks/video.py PHOTO ... [--frames 48] [--model mini] [--clean]
    python tests/benchmarks/video.py --speed                    # 1280 x 720, films beside photos frame by frame
    python tests/benchmarks/video.py --length 1000 3000 10000   # peak memory by the number of frames
    python tests/benchmarks/video.py --film FOOTAGE ...         # real footage: flicker along the motion that is found

Clips pan and zoom over color photos, so that the motion and the colors are known; their lightness, with grain and
flicker added, is written as a film without loss, colored by `Colorizer.file`, and frame by frame by `Colorizer()`.

Flicker is the mean CIEDE2000 between a frame and the one before, moved onto it. Grain flickers, too, and stays, as
lightness does: so both frames are given the lightness of the clean clip, and only what coloring adds is measured; `with
grain` is the same of the frames as they are. PSNR and colorfulness are likewise of the clean clip's lightness with the
colors given: as the films are, grain would hide differences.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from colorize_cli import Colorizer  # noqa: E402
from colorize_cli.color.lab import lab_from_srgb, srgb_from_lab  # noqa: E402
from colorize_cli.evaluation.pixel import ciede2000, colorfulness, psnr  # noqa: E402
from colorize_cli.inference.photo_options import FilmOptions  # noqa: E402
from colorize_cli.inference.temporal.motion import MotionFinder, moved, small_grey  # noqa: E402
from tests.clips import Clip, make_film, pan, shots  # noqa: E402

Plane = NDArray[np.float32]
Frame = NDArray[np.uint8]
SMALL = (128, 96)  # pixels: width and height of the films whose memory is measured
LOSSLESS = Clip(codec="ffv1", pix_fmt="gray", sounds=0)


@dataclass(frozen=True)
class Scores:
    """Means over a clip: flicker with the clean lightness, and as frames are, CIEDE2000; PSNR, dB; colorfulness."""

    flicker: float
    with_grain: float
    psnr: float
    colorful: float


@dataclass(frozen=True)
class Moving:
    """A clip whose motion is known: clean colors, (h, w, 3); films' lightness as it was shot; where pixels were."""

    truth: list[Frame]
    shot: list[Frame]
    back: list[Plane]


def moving(photo: Frame, count: int, seed: int, clean: bool, size: tuple[int, int] = (320, 240)) -> Moving:
    """Pan and zoom over a photo; `size` is width and height, pixels."""
    chance = np.random.default_rng(seed)
    height, width = photo.shape[:2]
    most = min(width / size[0], height / size[1])
    scales = np.linspace(*(most * chance.permutation([0.72, 0.95])), count)
    ends = chance.permutation([0.1, 0.9])[:, None] * np.ones(2) * chance.choice([1.0, 0.6], 2)
    room = [side - 0.95 * most * n for side, n in zip((width, height), size, strict=True)]
    lefts = [np.linspace(*(share * most_left), count) for share, most_left in zip(ends.T, room, strict=True)]
    grid = np.stack(np.meshgrid(np.arange(size[0]), np.arange(size[1])), 2).astype(np.float32)
    truth, shot, back = [], [], []
    for number in range(count):
        origin = np.array([left[number] for left in lefts])
        at = np.array([[scales[number], 0, origin[0]], [0, scales[number], origin[1]]])
        soft = cv2.GaussianBlur(photo, (0, 0), 0.5 * scales[number])
        frame = cv2.warpAffine(
            soft, at, size, flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP, borderMode=cv2.BORDER_REFLECT
        )
        truth.append(np.asarray(frame))
        grey = cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY).astype(np.float32)
        if not clean:
            grain = cv2.GaussianBlur(chance.normal(0, 1, grey.shape).astype(np.float32), (0, 0), 0.7)
            grey = grey * (1 + 0.04 * chance.normal()) + 5 * grain / grain.std()
        shot.append(np.rint(np.clip(grey, 0, 255)).astype(np.uint8))
        if number:
            before = np.array([left[number - 1] for left in lefts])
            there = (grid * scales[number] + origin - before) / scales[number - 1]
            back.append(np.asarray(there - grid, np.float32))
    return Moving(truth, shot, back)


def measure(frames: Sequence[Frame], clean: Sequence[Frame], back: Sequence[Plane]) -> Scores:
    """What frames in color are worth; `clean` gives the lightness that they are compared with, and the truth."""
    labs, truths = [lab_from_srgb(f) for f in frames], [lab_from_srgb(f) for f in clean]
    joined = [np.dstack((truth[..., :1], lab[..., 1:])) for lab, truth in zip(labs, truths, strict=True)]
    still, grainy = [], []
    for number, flow in enumerate(back, 1):
        inside = _inside(flow)
        earlier = moved(labs[number - 1], flow)
        even = np.dstack((truths[number][..., :1], earlier[..., 1:]))
        still.append(_apart(even, joined[number], inside))
        grainy.append(_apart(earlier, labs[number], inside))
    shown = _tensor([255 * srgb_from_lab(lab) for lab in joined])
    return Scores(
        statistics.fmean(still),
        statistics.fmean(grainy),
        float(psnr(shown, _tensor(clean)).mean()),
        float(colorfulness(shown).mean()),
    )


def _inside(flow: Plane) -> NDArray[np.bool_]:
    height, width = flow.shape[:2]
    y, x = np.mgrid[0:height, 0:width]
    to = (x + flow[..., 0], y + flow[..., 1])
    return np.asarray((to[0] >= 0) & (to[0] <= width - 1) & (to[1] >= 0) & (to[1] <= height - 1))


def _apart(one: Plane, two: Plane, inside: NDArray[np.bool_]) -> float:
    return float(ciede2000(_tensor([one]), _tensor([two]))[0][torch.from_numpy(inside)].mean())


def _tensor(planes: Sequence[NDArray[Any]]) -> torch.Tensor:
    return torch.from_numpy(np.stack([np.asarray(plane, np.float32).transpose(2, 0, 1) for plane in planes]))


def compare(colorizer: Colorizer, clip: Moving, folder: Path) -> tuple[Scores, Scores]:
    """A clip as a film, and frame by frame."""
    film, out = make_film(folder / "film.mkv", clip.shot, LOSSLESS), folder / "color.mkv"
    colorizer.file(film, out, overwrite=True, film=FilmOptions(codec="ffv1"))
    colored = [shot.rgb for shot in shots(out)]
    apart = [np.asarray(colorizer(frame)) for frame in clip.shot]
    return measure(colored, clip.truth, clip.back), measure(apart, clip.truth, clip.back)


def show(name: str, film: Scores, apart: Scores) -> None:
    """One line of the table."""
    share, more = film.flicker / apart.flicker, film.colorful / apart.colorful - 1
    told = (
        f"{film.flicker:7.3f} {apart.flicker:7.3f} {share:6.2f}",
        f"{film.with_grain:6.2f} {apart.with_grain:6.2f}",
        f"{film.psnr:6.2f} {apart.psnr:6.2f} {film.psnr - apart.psnr:+6.2f}",
        f"{film.colorful:6.2f} {apart.colorful:6.2f} {more:+6.1%}",
    )
    print(f"{name:16.16}", *told, sep=" | ", flush=True)


def clips(options: argparse.Namespace, colorizer: Colorizer) -> None:
    """The table of clips over photos."""
    titles = ("flicker, photos', share", "with grain   ", "PSNR, photos', more ", "colorful, photos', more")
    print(" " * 16, *titles, sep=" | ")
    found = []
    with tempfile.TemporaryDirectory() as folder:
        for number, path in enumerate(options.photos):
            photo = cv2.cvtColor(cv2.imread(str(path), cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)
            pair = compare(colorizer, moving(photo, options.frames, number, options.clean), Path(folder))
            found.append(pair)
            show(path.stem, *pair)
    means = [Scores(*map(statistics.fmean, zip(*map(astuple, side), strict=True))) for side in zip(*found, strict=True)]
    show("mean", *means)


def footage(options: argparse.Namespace, colorizer: Colorizer) -> None:
    """Flicker in real footage, along the motion that is found in it; cuts, where no motion is, count for neither."""
    finder = MotionFinder()
    for path in options.film:
        with tempfile.TemporaryDirectory() as folder:
            out = Path(folder) / "color.mkv"
            colorizer.file(path, out, film=FilmOptions(codec="ffv1"))
            shown, sources = shots(out), shots(path)
            apart = [np.asarray(colorizer(cv2.cvtColor(s.rgb, cv2.COLOR_RGB2GRAY))) for s in sources]
        totals = np.zeros(2)
        for number in range(1, len(sources)):
            one, two = (small_grey(lab_from_srgb(s.rgb)[..., 0]) for s in sources[number - 1 : number + 1])
            motion = finder.between(one, two)
            size = motion.sure.shape[::-1]
            for side, frames in enumerate(([s.rgb for s in shown], apart)):
                earlier, later = (lab_from_srgb(cv2.resize(frames[n], size)) for n in (number - 1, number))
                even = np.dstack((later[..., :1], moved(earlier, motion.back)[..., 1:]))
                totals[side] += _apart(even, later, motion.sure > 0.5) if (motion.sure > 0.5).any() else 0
        film, each = totals / max(1, len(sources) - 1)
        print(f"{path.name}: {len(sources)} frames, flicker {film:.3f} as a film, {each:.3f} frame by frame")


def speed(colorizer: Colorizer, count: int) -> None:
    """Frames a second at 1280 x 720, a film beside its frames as photos in memory and as JPEG files."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        frames = list(pan(count, (1280, 720), step=3))
        film = make_film(folder / "film.mp4", frames, Clip(sounds=1))
        photos = folder / "photos"
        photos.mkdir()
        for number, frame in enumerate(frames):
            cv2.imwrite(str(photos / f"{number:05d}.jpg"), frame)
        colorizer(frames[0])
        costs = list[tuple[float, float]]()
        for work in (
            lambda: colorizer.file(film, folder / "color.mp4"),
            lambda: list(colorizer.files([photos], folder / "colored")),
        ):
            begun, used = time.perf_counter(), time.process_time()
            work()
            costs.append((count / (time.perf_counter() - begun), (time.process_time() - used) / count))
    for name, (rate, each) in zip(("a film", "JPEG photos"), costs, strict=True):
        print(f"1280 x 720, {count} frames, as {name}: {rate:.2f} frames/s, {1000 * each:.0f} ms of CPU time a frame")


_ONE = """
import sys
from colorize_cli.cli.app import main
status = main(["colorize", sys.argv[2], "--out", sys.argv[3], "--model", sys.argv[1], "--device", "cpu"])
with open("/proc/self/status") as file:  # not what its parent had, as getrusage says
    print(next(int(line.split()[1]) // 1024 for line in file if line.startswith("VmHWM")))
sys.exit(status)
"""


def lengths(model: str, counts: Sequence[int]) -> None:
    """Peak memory of the command line that colors a film of so many small frames; shots of 250 frames."""
    for count in counts:
        with tempfile.TemporaryDirectory() as name:
            film = make_film(Path(name) / "film.mp4", _shots(count), Clip(sounds=1))
            begun = time.perf_counter()
            command = [sys.executable, "-c", _ONE, model, str(film), str(Path(name) / "color.mp4")]
            done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
            peak, rate = int(done.stdout.split()[-1]), count / (time.perf_counter() - begun)
            print(f"{count:,} frames: {peak:,} MB, {rate:.1f} frames/s", flush=True)


def _shots(count: int) -> Iterator[Frame]:
    for number in range(0, count, 250):
        yield from pan(min(250, count - number), SMALL, seed=number)


def main() -> None:
    """Measure what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos", nargs="*", type=Path)
    parser.add_argument("--frames", type=int, default=48)
    parser.add_argument("--model", default="mini")
    parser.add_argument("--clean", action="store_true", help="no grain and no flicker in the clips")
    parser.add_argument("--speed", action="store_true")
    parser.add_argument("--length", nargs="+", type=int)
    parser.add_argument("--film", nargs="+", type=Path)
    options = parser.parse_args()
    colorizer = Colorizer(options.model)
    if options.photos:
        clips(options, colorizer)
    if options.film:
        footage(options, colorizer)
    if options.speed:
        speed(colorizer, options.frames)
    if options.length:
        lengths(options.model, options.length)


if __name__ == "__main__":
    main()
