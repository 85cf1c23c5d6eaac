"""`Colorizer`: the one way in, for the command line, the evaluation and programs.

In:  pixels, files, or many files
Out: pixels, or files and what became of each
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from copy import copy
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from colorize_cli.errors import PhotoError, UsageError, printable
from colorize_cli.inference.in_memory import Hints, Pixels, check_pixels, chroma_of, color_pixels
from colorize_cli.inference.network import Download, ModelInfo, Network, Notice
from colorize_cli.inference.option_values import Detail, OnColor, Precision, one_of
from colorize_cli.inference.photo_options import (
    ColorOptions,
    FilmOptions,
    GuidanceOptions,
    ModelOptions,
    ReadOptions,
    WriteOptions,
)
from colorize_cli.inference.predictor import Plane
from colorize_cli.pipeline.outcome import Outcome, Status
from colorize_cli.pipeline.run import BatchRun, Progress
from colorize_cli.pipeline.run_options import BatchOptions, RunOptions
from colorize_cli.restore.choices import RestoreOptions

if TYPE_CHECKING:
    import torch

    from colorize_cli.models.load import LoadedModel

_NO_GUIDANCE, _AS_IT_IS = GuidanceOptions(), RestoreOptions()
_READ, _WRITE, _FILM = ReadOptions(), WriteOptions(), FilmOptions()


class Colorizer:
    """Colors black-and-white pictures: arrays, files, and folders of files.

    The network is loaded when it is first needed (weights that are not cached are downloaded then), and is kept. All
    methods may be called from several threads at once. It can be pickled: what is pickled are the arguments. Nothing
    of the process is changed: no number of threads, no limit, no signal handler; Ctrl-C goes through.

    Example:
        >>> import numpy as np
        >>> from colorize_cli import Colorizer
        >>> colorizer = Colorizer("mini", device="cpu", vividness=0.6)
        >>> grey = np.tile(np.linspace(0, 255, 96).astype(np.uint8), (64, 1))
        >>> rgb = colorizer(grey)
        >>> rgb.shape, rgb.dtype.name
        ((64, 96, 3), 'uint8')

    Args:
        model: a name of the catalogue (`colorize models list`), a checkpoint or ONNX file, `user/repo` on the Hub, or
            several joined by `+`.
        device: `auto`, `cpu`, `cuda`, `cuda:N` or `mps`; `auto` takes a GPU if there is one.
        precision: `auto`, `fp32`, `bf16` or `fp16`.
        batch: photos a pass of the network; 0 is automatic.
        vividness: 0 (the safest mean color) to 1 (the most vivid); None is the model's own.
        saturation: factor on the chroma of the result, 0 to 4.
        on_color: what becomes of color that a picture has of its own: `keep-regions`, `copy`, `skip` or `recolor`.
        detail: how closely large pictures are looked at: `auto`, `off`, or `1` to `6`.
        tile: edge of a tile of `detail`, pixels as the network sees them; 0 is automatic.
        overlap: of neighboring tiles, pixels; None is half a tile.

    Raises:
        UsageError: an argument is out of its range.
    """

    def __init__(
        self,
        model: str | Path = "mini",
        *,
        device: str = "auto",
        precision: str = "auto",
        batch: int = 0,
        vividness: float | None = None,
        saturation: float = 1.0,
        on_color: str = "keep-regions",
        detail: str = "auto",
        tile: int = 0,
        overlap: int | None = None,
    ) -> None:
        self.model = ModelOptions(
            name=str(model),
            device=device,
            precision=one_of(Precision, "precision", precision),
            batch=batch,
            detail=Detail.parse(detail, tile, overlap),
        )
        self.color = ColorOptions(
            vividness=vividness, saturation=saturation, on_color=one_of(OnColor, "on_color", on_color)
        )
        self.network = Network(self.model)

    @classmethod
    def of(cls, model: LoadedModel, device: torch.device, batch: int = 0) -> Colorizer:
        """A colorizer of a network in memory, such as one that is being trained; it cannot be pickled.

        Args:
            model: the network, which is copied, since inference changes it into a faster one.
            device: where the copy runs.
            batch: pictures a pass; 0 is automatic.
        """
        colorizer = cls(model.name, device=str(device), batch=batch)
        colorizer.network = Network.holding(model, device, colorizer.model)
        return colorizer

    def __repr__(self) -> str:
        return f"Colorizer({self.model.name!r}, device={self.model.device!r}, vividness={self.color.vividness!r})"

    def load(self, photos: int = 1, on_notice: Notice | None = None, on_download: Download | None = None) -> None:
        """Load the network now instead of when it is first needed; arguments and errors are those of `Network.load`."""
        self.network.load(photos, on_notice, on_download)

    @property
    def is_loaded(self) -> bool:
        """Whether the network is loaded."""
        return self.network.is_loaded

    def with_color(self, vividness: float | None, saturation: float) -> Colorizer:
        """The same colorizer, which shares the network, with another look; `UsageError` where that is out of range."""
        other = copy(self)
        other.color = replace(self.color, vividness=vividness, saturation=saturation)
        return other

    @property
    def info(self) -> ModelInfo:
        """What is known of the network, which is loaded for it; errors are those of `load`."""
        return self.network.info()

    def __call__(
        self,
        pixels: NDArray[Any],
        *,
        hints: Hints | None = None,
        vividness: float | None = None,
        saturation: float | None = None,
    ) -> Pixels:
        """Color a picture in memory; its lightness stays.

        Args:
            pixels: sRGB, (H, W) or (H, W, 3), uint8 or uint16.
            hints: known colors: points, `[(x, y, (red, green, blue)), ...]`, in pixels from the top left corner;
                scribbles, (H, W, 4), uint8, sRGB and alpha, laid over the picture; or the path of a side-car.
            vividness: for this picture; None is as the colorizer was made.
            saturation: likewise.

        Returns:
            sRGB, (H, W, 3), of the same type. A picture in color is given back as it is, unless `on_color` says else.

        Raises:
            ShapeError: the array is no such picture.
            HintError: the hints are none, or lie outside.
            UsageError: a number is out of its range.
            OutOfMemoryError, PredictionError: the network cannot do it.
        """
        picture = check_pixels(pixels)
        own = self.color
        color = replace(
            own,
            vividness=own.vividness if vividness is None else vividness,
            saturation=own.saturation if saturation is None else saturation,
        )
        loaded = self.network.load()
        return color_pixels(
            loaded.predictor, picture, hints=hints, color=color, detail=self.model.detail, gpu=loaded.gpu
        )

    def chroma(self, lightness: Iterable[Plane], *, vividness: float | None = None, as_is: bool = False) -> list[Plane]:
        """The colors of pictures as eval and training ask for them: by their lightness alone, without refinement.

        Args:
            lightness: CIE L*, (H, W), float32, [0, 100], of each.
            vividness: of these pictures; None is as the colorizer was made.
            as_is: the network sees them at their own size, as in training, and its answer stays as it is.

        Returns:
            ab of each, (2, h, w), Lab units, along its edges, at the size that the network sees; with `as_is` at the
            size that the network gives.

        Raises:
            OutOfMemoryError, PredictionError: the network cannot do it.
        """
        vividness = self.color.vividness if vividness is None else vividness
        return chroma_of(self.network.load().predictor, list(lightness), vividness, as_is)

    def file(
        self,
        source: str | Path,
        destination: str | Path,
        *,
        overwrite: bool = False,
        guidance: GuidanceOptions = _NO_GUIDANCE,
        read: ReadOptions = _READ,
        write: WriteOptions = _WRITE,
        restore: RestoreOptions = _AS_IT_IS,
        film: FilmOptions = _FILM,
    ) -> Outcome:
        """Color one photo file, with all that the command line does for it: metadata, profile, depth, pages.

        Args:
            source: the photo.
            destination: the file to write; its suffix names the format.
            overwrite: make it anew where it exists.
            guidance: hints, references and the like.
            read: how the photo is read.
            write: how the result is written.
            restore: what is mended before it is colored.
            film: how a film is written.

        Returns:
            What became of it; `status` tells whether the file was written, or stood already.

        Raises:
            PhotoError: it cannot be read, colored or written.
            UsageError, NothingToDoError: there is no such file, or the destination is no name for one.
        """
        if os.path.isdir(source):
            raise UsageError(f"{printable(source)} is a folder", hint="Color folders by files().")
        batch = BatchOptions(listed=(str(source),), out=Path(destination), overwrite=overwrite)
        if batch.single_output() is None:
            hint = "Name a file like a.png, .jpg, .tif or .mp4."
            raise UsageError(f"{printable(destination)} is no name for a photo file", hint=hint)
        run = self.run(batch, guidance=guidance, read=read, write=write, restore=restore, film=film)
        with closing(iter(run)) as outcomes:
            outcome = list(outcomes)[0]
        if outcome.status is Status.failed:
            raise PhotoError(f"{printable(source)}: {outcome.reason}", path=Path(source))
        return outcome

    def files(
        self,
        photos: str | Path | Iterable[str | Path],
        out: str | Path = "colored",
        *,
        overwrite: bool = False,
        recursive: bool = True,
        guidance: GuidanceOptions = _NO_GUIDANCE,
        read: ReadOptions = _READ,
        write: WriteOptions = _WRITE,
        restore: RestoreOptions = _AS_IT_IS,
        film: FilmOptions = _FILM,
        on_notice: Notice = lambda _: None,
    ) -> Iterator[Outcome]:
        """Color many photos by the pipeline of the command line, and give what became of each as it is done.

        Args:
            photos: files, folders and globs.
            out: the folder that mirrors them; the report goes there too.
            overwrite: make results anew that exist.
            recursive: go into folders within folders.
            guidance: hints, references and the like.
            read: how photos are read.
            write: how results are written.
            restore: what is mended before they are colored.
            film: how films are written.
            on_notice: told what concerns all of them, a line each.

        Returns:
            The outcome of each photo, in the order in which they end; work begins with the first one that is asked for.
            A photo that fails is one of them, with its reason, and stops no other. Leave the loop early and what is
            being written is finished, no more.

        Raises:
            UsageError, NothingToDoError: the arguments make no sense together, or there is no photo.
        """
        typed = [photos] if isinstance(photos, str | Path) else photos
        batch = BatchOptions(
            photos=tuple(str(photo) for photo in typed), out=Path(out), overwrite=overwrite, recursive=recursive
        )
        return iter(
            self.run(batch, guidance=guidance, read=read, write=write, restore=restore, film=film, on_notice=on_notice)
        )

    def run(
        self,
        batch: BatchOptions,
        *,
        guidance: GuidanceOptions = _NO_GUIDANCE,
        read: ReadOptions = _READ,
        write: WriteOptions = _WRITE,
        restore: RestoreOptions = _AS_IT_IS,
        film: FilmOptions = _FILM,
        on_progress: Callable[[Progress], None] = lambda _: None,
        on_notice: Notice = lambda _: None,
        on_download: Download | None = None,
    ) -> BatchRun:
        """A run over many photos, as the command line makes it; it begins when it is iterated, or by its `finish`.

        Args:
            batch: which photos, and where their results go.
            guidance: hints, references and the like.
            read: how photos are read.
            write: how results are written.
            restore: what is mended before they are colored.
            film: how films are written.
            on_progress: called in this thread after each photo; of large files also between, in other threads.
            on_notice: told what concerns the whole batch, a line each.
            on_download: bytes done and in all, while weights are downloaded.
        """
        options = RunOptions(
            batch=batch, model=self.model, color=self.color, guidance=guidance, read=read, write=write, restore=restore,
            film=film,
        )  # fmt: skip
        load = partial(self.network.load, on_download=on_download)
        return BatchRun(options, load, on_progress, on_notice, on_download)
