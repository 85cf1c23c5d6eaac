"""A network that loads when it is first needed, and is kept.

In:  `ModelOptions`
Out: `LoadedPredictor`; what is known of it
"""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, replace
from threading import Lock
from typing import TYPE_CHECKING

from colorize_cli.files.machine import cores
from colorize_cli.inference.loading import LoadedPredictor, load_predictor
from colorize_cli.inference.photo_options import ModelOptions
from colorize_cli.inference.predictor import Predictor

if TYPE_CHECKING:
    import torch

    from colorize_cli.models.load import LoadedModel

Notice = Callable[[str], None]
Download = Callable[[int, int], None]


@dataclass(frozen=True, kw_only=True)
class ModelInfo:
    """What is known of a network that is loaded.

    Attributes:
        name: as it was asked for.
        sha256: of its weights; of several, joined by `+`.
        parameters: how many it has.
        takes_hints: whether it takes known colors.
        device: where it runs.
        precision: of its arithmetic.
        batch: photos a pass.
    """

    name: str
    sha256: str
    parameters: int
    takes_hints: bool
    device: str
    precision: str
    batch: int


class Network:
    """A network, loaded by whichever thread needs it first; what is pickled are its options.

    Args:
        options: which, and where it runs.
    """

    def __init__(self, options: ModelOptions) -> None:
        self.options = options
        self._loaded: LoadedPredictor | None = None
        self._loading = Lock()
        self._in_no_file = False

    @classmethod
    def holding(cls, model: LoadedModel, device: torch.device, options: ModelOptions) -> Network:
        """A copy of a network that is in no file."""
        own = replace(model, generator=deepcopy(model.generator).eval())  # what infers changes it into a faster one
        predictor, gpu = Predictor(own, device, None, options.batch or None), device if device.type == "cuda" else None
        network = cls(options)
        network._loaded = LoadedPredictor(predictor, str(device), "float32", cores(), gpu)  # enough for any number
        network._in_no_file = True
        return network

    def __reduce__(self) -> tuple[type[Network], tuple[ModelOptions]]:
        if self._in_no_file:
            raise TypeError("a network that is in no file cannot be pickled")
        return Network, (self.options,)

    @property
    def is_loaded(self) -> bool:
        """Whether it is loaded."""
        return self._loaded is not None

    def load(
        self, photos: int = 1, on_notice: Notice | None = None, on_download: Download | None = None
    ) -> LoadedPredictor:
        """The network at work.

        Args:
            photos: how many there will be at a time: on a CPU some are computed side by side.
            on_notice: told, in one line, when memory forces a smaller batch or another device; None: as before.
            on_download: bytes done and in all, while weights are downloaded.

        Raises:
            UsageError: no such device or precision here.
            ModelNotFoundError: no such model.
            WeightsError: no weights.
        """
        with self._loading:
            loaded = self._loaded.photos if self._loaded is not None else 0
            # more than there are cores are never computed side by side
            if loaded < max(photos, 1) and loaded < (wanted := max(min(photos, cores()), 1)):
                self._loaded = load_predictor(self.options, wanted, on_download=on_download)
            assert self._loaded is not None
            if on_notice is not None:
                self._loaded.predictor.on_notice = on_notice
            return self._loaded

    def info(self) -> ModelInfo:
        """What is known of it, for which it is loaded.

        Raises:
            UsageError, ModelNotFoundError, WeightsError: see `load`.
        """
        loaded = self._loaded or self.load()
        predictor, model = loaded.predictor, loaded.predictor.model
        return ModelInfo(
            name=model.name,
            sha256=model.sha256,
            parameters=model.spec.parameters,
            takes_hints=all(member.spec.takes_hints for member in model.members),
            device=predictor.device,
            precision=loaded.precision,
            batch=predictor.batch,
        )
