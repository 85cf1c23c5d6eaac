"""What an ONNX file of this program says of itself: its metadata properties.

In:  a model's spec and how its graph is asked
Out: properties, and back

Every graph takes `lightness`, (N, 1, H, W), [0, 100]; where it takes hints, `hints`, (N, 3, H, W): ab in Lab units,
zero where nothing is known, and mask, [0, 1]; where vividness moves it, `temperature`, one number, and where weights of
the training are divided out, `exponent`, another. It gives `ab`, (N, 2, h, w), Lab units, and where it has a palette
`probabilities`, (N, h, w, Q). All are float32.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from colorize_cli.errors import UsageError
from colorize_cli.models.registry import ModelSpec, Sizes
from colorize_cli.models.vividness import Reading
from colorize_cli.version import __version__

FORMAT = "colorize-cli-onnx/1"
FAMILY = FORMAT.partition("/")[0]


@dataclass(frozen=True)
class Contract:
    """How a graph is asked.

    Attributes:
        spec: sizes, hints, license and so on.
        reading: what vividness means to it; None where it means nothing.
        palette: the colors that its probabilities speak of, (Q, 2), Lab units, or None.
        weights_sha256: of the weights that it was made from.
    """

    spec: ModelSpec
    reading: Reading | None
    palette: NDArray[np.float32] | None
    weights_sha256: str

    @property
    def inputs(self) -> dict[str, int]:
        """The graph's inputs and how many axes they have."""
        shaped = {"lightness": 4} | ({"hints": 4} if self.spec.takes_hints else {})
        if self.reading is None:
            return shaped
        return shaped | ({"exponent": 0} if self.reading.weighs else {}) | {"temperature": 0}

    @property
    def outputs(self) -> dict[str, int]:
        """The graph's outputs and how many axes they have."""
        return {"ab": 4} | ({"probabilities": 4} if self.palette is not None else {})

    def properties(self) -> dict[str, str]:
        """As metadata of a file."""
        spec = self.spec
        facts: dict[str, object] = {
            "sizes": asdict(spec.sizes),
            "takes_hints": spec.takes_hints,
            "tileable": spec.tileable,
            "parameters": spec.parameters,
            "vividness": None if self.reading is None else asdict(self.reading),
            "palette": None if self.palette is None else self.palette.tolist(),
        }
        said = {"format": FORMAT, "name": spec.name, "version": __version__, "license": spec.license}
        said |= {"source": spec.source, "summary": spec.summary, "weights_sha256": self.weights_sha256}
        return said | {key: json.dumps(value) for key, value in facts.items()}

    @classmethod
    def read(cls, properties: Mapping[str, str]) -> Contract:
        """From a file's metadata.

        Raises:
            ValueError: they do not say all of it, or nonsense; the first such property is named.
        """
        sizes = _fact(properties, "sizes", dict)
        reading, palette = _fact(properties, "vividness", dict | None), _fact(properties, "palette", list | None)
        try:
            spec = ModelSpec(
                name=properties["name"],
                build=_no_network,
                sizes=_whole_sizes(Sizes(**sizes)),
                takes_hints=_fact(properties, "takes_hints", bool),
                tileable=_fact(properties, "tileable", bool),
                weights=None,
                license=properties.get("license") or properties["licence"],
                source=properties.get("source", ""),
                parameters=_fact(properties, "parameters", int),
                summary=properties.get("summary", ""),
                vivid=reading is not None,
            )
            colors = None if palette is None else np.array(palette, np.float32)
            if colors is not None and (colors.ndim != 2 or colors.shape[1] != 2 or not np.isfinite(colors).all()):
                raise ValueError("palette")
            weights_sha256 = properties["weights_sha256"]
        except KeyError as missing:
            raise ValueError(str(missing.args[0])) from missing
        except TypeError as error:
            raise ValueError("sizes") from error
        return cls(spec, None if reading is None else _reading(reading), colors, weights_sha256)

    def named(self, name: str) -> Contract:
        """The same under another name."""
        return replace(self, spec=replace(self.spec, name=name))


def _fact(properties: Mapping[str, str], key: str, kind: Any) -> Any:
    try:
        value = json.loads(properties[key])
    except (KeyError, ValueError) as error:
        raise ValueError(key) from error
    if not isinstance(value, kind) or isinstance(value, bool) and kind is not bool:
        raise ValueError(key)
    return value


def _whole_sizes(sizes: Sizes) -> Sizes:
    numbers = (sizes.short_side, sizes.multiple, sizes.max_area)
    if any(type(number) is not int or number < 1 for number in numbers) or type(sizes.square) is not bool:
        raise ValueError("sizes")
    if sizes.max_area < sizes.multiple**2:
        raise ValueError("sizes")
    return sizes


def _reading(said: dict[str, Any]) -> Reading:
    try:
        ends = [(float(end[0]), float(end[1])) for end in (said["safest"], said["most_vivid"], said["posterior"])]
        found = Reading(float(said["default"]), ends[0], ends[1], bool(said["geometric"]), ends[2])
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise ValueError("vividness") from error
    numbers = [found.default, *(number for end in ends for number in end)]
    if not np.isfinite(numbers).all() or min(end[1] for end in ends) <= 0:
        raise ValueError("vividness")
    return found


def _no_network(**arguments: object) -> NoReturn:
    raise UsageError("an ONNX file can be run, but not trained or exported", hint="Give the checkpoint it was made of.")
