"""The networks of a model at work, by whichever arithmetic.

In:  planes, (N, 1 or 4, H, W) float32: lightness, or lightness, ab and mask
Out: ab, (N, 2, h, w) float32, Lab units; or probabilities, (N, Q, h, w)
"""

from __future__ import annotations

from threading import Event, Thread
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from colorize_cli.models.light import LightModel

Plane = NDArray[np.float32]


class Networks(Protocol):
    """A model's networks on a device."""

    @property
    def device(self) -> str:
        """Where they run: `cpu`, `cuda:0` or the like."""

    @property
    def ready(self) -> bool:
        """Whether they answer at once; while they are made ready, there is time for other work."""

    def colours(self, member: int, vividness: float | None, planes: Plane) -> Plane:
        """What one of them makes of pictures: ab, (N, 2, h, w), Lab units."""

    def palette(self) -> Plane | None:
        """The colours that `probabilities` speaks of, (Q, 2), Lab units; None where the first network gives none."""

    def probabilities(self, planes: Plane) -> Plane:
        """How likely each colour of the palette is, by the first network: (N, Q, h, w)."""

    def free(self) -> None:
        """Give back memory that the device keeps for later."""

    def to_cpu(self) -> None:
        """Go on there, in float32."""


class LightNetworks:
    """A network by numpy alone; in any number of threads at once."""

    device = "cpu"

    def __init__(self, model: LightModel) -> None:
        self._network, self._ready = model.network, Event()
        Thread(target=self._prepare, name="prepare", daemon=True).start()

    def _prepare(self) -> None:
        try:
            self._network.prepare()
        except MemoryError:
            pass  # it is tried again, and reported, where a photo needs it
        finally:
            self._ready.set()

    @property
    def ready(self) -> bool:
        """See `Networks.ready`."""
        return self._ready.is_set()

    def colours(self, member: int, vividness: float | None, planes: Plane) -> Plane:
        """See `Networks.colours`."""
        return self._network.colorize(planes, vividness)

    def palette(self) -> Plane | None:
        """See `Networks.palette`."""
        return self._network.palette

    def probabilities(self, planes: Plane) -> Plane:
        """See `Networks.probabilities`."""
        return self._network.probabilities(planes)

    def free(self) -> None:
        """See `Networks.free`: nothing is kept."""

    def to_cpu(self) -> None:
        """See `Networks.to_cpu`: it never was anywhere else."""
